# Headers that most sources include and that change only with the system: the first target that is given such a set parses
# it, the others take what it made.
set(TIDEGATE_COMMON_HEADERS <algorithm> <array> <charconv> <chrono> <cstdint> <cstdio> <cstring> <deque> <filesystem>
    <fstream> <functional> <map> <memory> <mutex> <optional> <set> <sstream> <string> <string_view> <unordered_map> <utility>
    <variant> <vector> <fmt/format.h>)
set(TIDEGATE_TEST_FLAGS "" CACHE STRING "Compiler options of the tests alone")
set(TIDEGATE_TEST_HEADERS ${TIDEGATE_COMMON_HEADERS} <doctest/doctest.h> <nlohmann/json.hpp>)

# tidegate_precompile(TARGET OWNER HEADER...)
function(tidegate_precompile target owner)
  if(NOT TIDEGATE_PCH)
    return()
  endif()
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()

# tidegate_batch(TARGET): with TIDEGATE_UNITY, up to 12 sources of a folder are one to the compiler. Within a folder, names in
# anonymous namespaces must then differ.
function(tidegate_batch target)
  if(NOT TIDEGATE_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    get_filename_component(folder ${source} DIRECTORY)
    string(MD5 key ${folder})
    if(NOT DEFINED count_${key})
      set(count_${key} 0)
    endif()
    math(EXPR batch "${count_${key}} / 12")
    math(EXPR count_${key} "${count_${key}} + 1")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${key}_${batch})
  endforeach()
endfunction()

# tidegate_layer(NAME [DEPENDS layer...] [LIBRARIES lib...]): the sources of proxy/NAME as one static library.
# A layer sees its own headers and those of the layers it names: the folder order is the dependency order.
function(tidegate_layer name)
  cmake_parse_arguments(layer "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_library(tg_${name} STATIC ${sources})
  target_include_directories(tg_${name} PUBLIC ${CMAKE_SOURCE_DIR}/proxy)
  list(TRANSFORM layer_DEPENDS PREPEND tg_)
  target_link_libraries(tg_${name} PUBLIC ${layer_DEPENDS} ${layer_LIBRARIES})
  tidegate_precompile(tg_${name} tg_base ${TIDEGATE_COMMON_HEADERS})
  tidegate_batch(tg_${name})
endfunction()

# tidegate_test(NAME FOLDER [UNBATCHED] [LIBRARIES ...] [SOURCES ...] [WITHOUT SUBFOLDER ...]): every .cc under tests/FOLDER but
# those of the subfolders WITHOUT, and SOURCES, as one doctest program. UNBATCHED: its files use the same names, and are never
# compiled together.
function(tidegate_test name folder)
  cmake_parse_arguments(test "UNBATCHED" "" "LIBRARIES;SOURCES;WITHOUT" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${folder}/*.cc)
  foreach(subfolder ${test_WITHOUT})
    list(FILTER sources EXCLUDE REGEX "/tests/${folder}/${subfolder}/")
  endforeach()
  if(NOT sources)
    return()
  endif()
  list(TRANSFORM test_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/tests/)
  add_executable(${name} ${sources} ${test_SOURCES} ${CMAKE_SOURCE_DIR}/tests/support/test_main.cc)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/tests/support/test_main.cc PROPERTIES
    SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE TIDEGATE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${test_LIBRARIES} nlohmann_json::nlohmann_json)
  target_compile_options(${name} PRIVATE ${TIDEGATE_TEST_FLAGS})
  tidegate_precompile(${name} test_support)
  if(NOT test_UNBATCHED)
    tidegate_batch(${name})
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endfunction()

# tidegate_test_support(NAME [LIBRARIES ...]): what several test programs share, tests/support but its main().
function(tidegate_test_support name)
  cmake_parse_arguments(support "" "" "LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/*.cc)
  list(FILTER sources EXCLUDE REGEX "/test_main\\.cc$")
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PUBLIC ${support_LIBRARIES})
  target_compile_options(${name} PRIVATE ${TIDEGATE_TEST_FLAGS})
  tidegate_precompile(${name} ${name} ${TIDEGATE_TEST_HEADERS})
endfunction()

# Without a git repository, the builder sets it.
set(TIDEGATE_REVISION "" CACHE STRING "The revision that is built; empty: what git says")

# tidegate_build_info(SOURCE...): they know TIDEGATE_VERSION and TIDEGATE_REVISION, and they alone are compiled anew for
# each revision.
function(tidegate_build_info)
  set(revision "${TIDEGATE_REVISION}")
  if(NOT revision)
    execute_process(COMMAND git -C ${CMAKE_SOURCE_DIR} rev-parse --short HEAD OUTPUT_VARIABLE revision
                    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_DEFINITIONS
               TIDEGATE_VERSION="${PROJECT_VERSION}" TIDEGATE_REVISION="${revision}")
endfunction()
