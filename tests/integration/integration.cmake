# edge_integration(run): tests/integration/test_run.py as integration.run, in a sandbox of its own,
# against the programs of this build.
find_program(PYTHON3 python3 REQUIRED)

function(edge_python_test label folder subject timeout)
  add_test(NAME ${label}.${subject}
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/test_${subject}.py)
  set_tests_properties(${label}.${subject} PROPERTIES
    LABELS ${label} TIMEOUT ${timeout}
    ENVIRONMENT "EDGE_BIN=${PROJECT_BINARY_DIR}/bin;PYTHONDONTWRITEBYTECODE=1")
endfunction()

edge_python_test(integration integration sandbox 120)
edge_python_test(conformance conformance mosquitto 120)
if(NOT TARGET edge-agent)
  return()
endif()
foreach(subject run policies update module_network volumes logs oom malformed config registry identities securityd)
  edge_python_test(integration integration ${subject} 600)
endforeach()
edge_python_test(crash integration faults 1800)
if(NOT EDGE_SANITIZE)
  edge_python_test(integration integration quickstart 900)
endif()
foreach(subject ctr curl)
  edge_python_test(conformance conformance ${subject} 300)
endforeach()

# Against the local cloud, with the clients of npm (tests/conformance/node/install.sh).
if(TARGET iothub-emulator)
  edge_python_test(integration integration emulator 300)
  edge_python_test(integration integration samples 120)
  edge_python_test(conformance conformance sdk 1200)
  # Debian's python3, which has python3-qpid-proton and python3-uamqp.
  add_test(NAME conformance.amqp COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/conformance/test_amqp.py)
  set_tests_properties(conformance.amqp PROPERTIES LABELS conformance TIMEOUT 300
    ENVIRONMENT "EDGE_BIN=${PROJECT_BINARY_DIR}/bin;PYTHONDONTWRITEBYTECODE=1")
endif()
if(TARGET iothub-emulator AND TARGET edge-hub)
  foreach(subject hub_sdk hub_raw)
    edge_python_test(conformance conformance ${subject} 1200)
  endforeach()
  edge_python_test(integration integration hub_outage 900)
endif()
if(TARGET iothub-emulator AND TARGET edge-securityd AND TARGET edge-hub)
  edge_python_test(integration integration hub_module 600)
endif()
if(TARGET iothub-emulator AND TARGET edge-securityd)
  foreach(subject cloud cloud_life cloud_websocket provision)
    edge_python_test(integration integration ${subject} 900)
  endforeach()
  edge_python_test(crash integration cloud_faults 1800)
  edge_python_test(conformance conformance module 600)
  edge_python_test(conformance conformance upload 600)
endif()

# The longest begin first, so that none is left alone at the end.
foreach(pair cloud_life:180 quickstart:150 cloud:97 module_network:70 cloud_websocket:61 policies:49 logs:30)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 subject)
  list(GET pair 1 seconds)
  if(TEST integration.${subject})
    set_tests_properties(integration.${subject} PROPERTIES COST ${seconds})
  endif()
endforeach()
