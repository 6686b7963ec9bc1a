# Compiler settings that hold for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(THREADS_PREFER_PTHREAD_FLAG ON)

option(TIDEGATE_TESTS "Build the tests" ON)
option(TIDEGATE_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(TIDEGATE_BENCH "Build the benchmark programs" OFF)
option(TIDEGATE_PCH "Parse the headers of the standard library and of fmt once, not once a source" OFF)
option(TIDEGATE_UNITY "Compile the sources of a folder together: faster from nothing, slower after a change" OFF)
option(TIDEGATE_WERROR "A warning is an error" ON)
option(TIDEGATE_LTO "Optimize a Release at link time" ON)
set(TIDEGATE_SANITIZE "" CACHE STRING "Sanitizers for every target, such as address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

add_compile_options(-Wall -Wextra -Wpedantic $<$<BOOL:${TIDEGATE_WERROR}>:-Werror> -Wshadow -Wimplicit-fallthrough
                    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>  # false alarms in its own std::string (GCC bug 105329)
                      -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()
if(TIDEGATE_PCH)
  # What some libraries require of their users holds for every target: a precompiled header fits only sources that are
  # compiled with the same options.
  add_compile_options(-pthread -D_FILE_OFFSET_BITS=64)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)  # ccache needs it
  endif()
endif()
if(TIDEGATE_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # It takes batched sources for headers, and inlining across them raises false alarms of these two kinds.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage> -Wno-maybe-uninitialized)
endif()
if(TIDEGATE_SANITIZE)
  add_compile_options(-fsanitize=${TIDEGATE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TIDEGATE_SANITIZE})
  if(TIDEGATE_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)  # what is fuzzed reports its coverage, not only the fuzzer
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release" AND TIDEGATE_LTO)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

# A second build of the same sources is served from the cache where there is one.
find_program(TIDEGATE_CCACHE ccache)
if(TIDEGATE_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${TIDEGATE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${TIDEGATE_CCACHE})
endif()
