# The functions every CMakeLists.txt of this project uses. Link lines are the architecture:
# LINKS is what a room's header shows, HIDES is what only its bodies know.

add_library(edge_warnings INTERFACE)
target_compile_definitions(edge_warnings INTERFACE _GNU_SOURCE EDGE_VERSION="${PROJECT_VERSION}")
target_compile_options(edge_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wmissing-prototypes -Wstrict-prototypes
  -Wformat=2 -Wundef -fno-common $<$<BOOL:${EDGE_WERROR}>:-Werror>)

if(EDGE_SANITIZE)
  add_compile_options(-fsanitize=${EDGE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${EDGE_SANITIZE})
endif()
if(EDGE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# edge_library(name SOURCES a.c … [LINKS public …] [HIDES private …])
function(edge_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS;HIDES")
  add_library(${name} STATIC ${arg_SOURCES})
  add_library(edge::${name} ALIAS ${name})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${arg_LINKS} PRIVATE ${arg_HIDES} edge_warnings)
endfunction()

# edge_program(name SOURCES main.c … LINKS …): a binary in build/<preset>/bin
function(edge_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} edge_warnings)
endfunction()

# edge_test(unit/agent/test_plan.c LINKS …): a cmocka program, in ctest as unit.agent.plan
function(edge_test source)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINKS;SOURCES")
  string(REGEX REPLACE "\\.c$" "" name ${source})
  string(REGEX REPLACE "/(test_)?" "." name ${name})
  add_executable(test.${name} ${source} ${arg_SOURCES})
  set_target_properties(test.${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(test.${name} PRIVATE ${arg_LINKS} edge::cmocka edge_warnings)
  target_compile_definitions(test.${name} PRIVATE
    TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data" TEST_BIN="${PROJECT_BINARY_DIR}/bin")
  add_test(NAME ${name} COMMAND test.${name})
  string(REGEX REPLACE "\\..*" "" label ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 300)
endfunction()

# edge_fuzz(fuzz_json LINKS …): tests/fuzz/fuzz_json.c with its seeds in tests/fuzz/corpus/json/.
# Everywhere the seeds are replayed as the test fuzz.json; the preset `fuzz` also builds the fuzzer.
function(edge_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINKS")
  string(REGEX REPLACE "^fuzz_" "" subject ${name})
  set(here ${PROJECT_SOURCE_DIR}/tests/fuzz)
  if(EDGE_FUZZ)
    add_executable(${name} ${here}/${name}.c)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${here}/${name}.c ${here}/replay.c)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${arg_LINKS} edge_warnings)
  if(EDGE_FUZZ)
    add_test(NAME fuzz.${subject} COMMAND ${name} -runs=0 ${here}/corpus/${subject})
  else()
    add_test(NAME fuzz.${subject} COMMAND ${name} ${here}/corpus/${subject})
  endif()
  set_tests_properties(fuzz.${subject} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
