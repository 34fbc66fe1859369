# Run after a test program is built: writes the CTest entries of its tests. Starting a program that links
# LibTorch takes longer than most tests, so an entry holds many of them: all of the program, or a suite.
#
#   cmake -DPROGRAM=… -DNAME=… -DSPLIT=ON|OFF -DRESULTS=… -DOUTPUT=… -P DiscoverTests.cmake
#
# NAME, or NAME.SUITE for each suite with SPLIT: what runs on every machine.
# NAME.Cuda, with the label cuda: the tests that need a GPU, those with "Cuda" in their name.
# Each writes RESULTS/ENTRY.xml.
set(timeout 900)

# list_suites(VARIABLE FILTER): the names of the suites with tests that match, as GoogleTest prints them.
function(list_suites variable filter)
  execute_process(
    COMMAND "${PROGRAM}" --gtest_list_tests "--gtest_filter=${filter}"
    OUTPUT_VARIABLE listed RESULT_VARIABLE status TIMEOUT 60)
  if(status)
    message(FATAL_ERROR "${PROGRAM} --gtest_list_tests failed: ${status}")
  endif()
  string(REGEX MATCHALL "(^|\n)[^ \n]+\\." suites "${listed}")
  string(REGEX REPLACE "\n" "" suites "${suites}")
  set(${variable} "${suites}" PARENT_SCOPE)
endfunction()

set(script "")

# add_entry(ENTRY FILTER [PROPERTY VALUE…])
function(add_entry entry filter)
  string(APPEND script "add_test([[${entry}]] [[${PROGRAM}]] [[--gtest_filter=${filter}]] "
         "[[--gtest_output=xml:${RESULTS}/${entry}.xml]])\n"
         # Networks of test size are up to 50 times slower on threads that wait for each other.
         "set_tests_properties([[${entry}]] PROPERTIES TIMEOUT ${timeout} ENVIRONMENT OMP_NUM_THREADS=1")
  foreach(argument IN LISTS ARGN)
    string(APPEND script " [==[${argument}]==]")
  endforeach()
  string(APPEND script ")\n")
  set(script "${script}" PARENT_SCOPE)
endfunction()

list_suites(suites "-*Cuda*")
if(SPLIT)
  # PREFIX/SUITE and SUITE/TYPE are instances of one suite.
  set(names "")
  foreach(suite IN LISTS suites)
    string(REGEX REPLACE "(/[0-9]+)?\\.$" "" name "${suite}")
    string(REGEX REPLACE "^.*/" "" name "${name}")
    list(APPEND names "${name}")
    string(APPEND filter_${name} "${suite}*:")
  endforeach()
  list(REMOVE_DUPLICATES names)
  foreach(name IN LISTS names)
    add_entry("${NAME}.${name}" "${filter_${name}}-*Cuda*")
  endforeach()
elseif(suites)
  add_entry("${NAME}" "-*Cuda*")
endif()

list_suites(suites "*Cuda*")
if(suites)
  # Skipped is an entry whose every test was: no test passed, and nothing follows the list of the skipped.
  add_entry("${NAME}.Cuda" "*Cuda*" LABELS cuda SKIP_REGULAR_EXPRESSION
            "\\[  PASSED  \\] 0 tests\\.\n\\[  SKIPPED \\] [^\n]* listed below:\n(\\[  SKIPPED \\] [^\n]*\n)+$")
endif()

file(WRITE "${OUTPUT}" "${script}")
