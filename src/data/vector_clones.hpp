#pragma once

// DARTS_VECTOR_CLONES before a function: compiled once for each kind of vector unit, of which the
// program takes the widest that the machine has. Programs for all x86-64 machines are compiled for
// the narrowest alone otherwise. The results are the same on all.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define DARTS_VECTOR_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DARTS_VECTOR_CLONES
#endif
