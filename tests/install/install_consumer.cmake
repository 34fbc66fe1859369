# Run by the test install_consumer: install, configure and build the consumer, run what came of it.
set(prefix "${WORK_DIR}/a prefix") # with a space, as a user's folder may have
set(consumer_build "${WORK_DIR}/consumer")

# run(COMMAND…): stops the test where a command fails; puts what it printed into `printed`.
function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${status}:\n${output}")
  endif()
  set(printed "${output}" PARENT_SCOPE)
endfunction()

function(expect_printed text)
  string(FIND "${printed}" "${text}" place)
  if(place EQUAL -1)
    message(FATAL_ERROR "expected '${text}' in:\n${printed}")
  endif()
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --config "${CONFIG}" --prefix "${prefix}")

set(flags "")
if(SANITIZE) # the libraries ask for the sanitizers' run time
  set(flags "-fsanitize=${SANITIZE}")
endif()
run("${CMAKE_COMMAND}" -S "${CONSUMER_DIR}" -B "${consumer_build}" -G "${GENERATOR}"
    "-DCMAKE_CXX_COMPILER=${CXX_COMPILER}" "-DCMAKE_PREFIX_PATH=${prefix}" "-DCMAKE_CXX_FLAGS=${flags}")
run("${CMAKE_COMMAND}" --build "${consumer_build}")
# The data sets are looked for there where no package of the system's has them.
set(data "${CONSUMER_DIR}/../../../data")
if(EXISTS "${data}")
  file(CREATE_LINK "${data}" "${consumer_build}/data" SYMBOLIC)
endif()
run("${CMAKE_COMMAND}" -E chdir "${consumer_build}" ./consumer "${WORK_DIR}/runs")
expect_printed("Genotype(normal=[('max_pool_3x3', 0), ('max_pool_3x3', 1),")
expect_printed("found: search")

# From another folder, so that no recipe is found by accident.
run("${CMAKE_COMMAND}" -E chdir "${consumer_build}" "${prefix}/${BIN_DIR}/darts_search" --help)
expect_printed("--config")
run("${CMAKE_COMMAND}" -E chdir "${consumer_build}" "${prefix}/${BIN_DIR}/darts_search" --config
    quickstart --set space.cells=1 --set search.batch_size=2 --dry-run)
foreach(file IN ITEMS configs/search/cifar10.yaml configs/genotypes/DARTS_V2.json
                      scripts/plot_genotype.py scripts/dartslib/cli.py
                      scripts/dartslib/report/page.css scripts/dartslib/report/chart.js)
  if(NOT EXISTS "${prefix}/share/darts/${file}")
    message(FATAL_ERROR "not installed: share/darts/${file}")
  endif()
endforeach()
