edge_test(unit/common/test_encode.c LINKS edge::base edge::crypto)
foreach(subject identity sas connection_string topic message twin)
  edge_test(unit/common/test_iothub_${subject}.c LINKS edge::iothub edge::crypto)
endforeach()
