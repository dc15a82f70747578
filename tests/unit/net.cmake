foreach(part stream tls)
  edge_test(unit/common/test_net_${part}.c
    SOURCES unit/common/net_house.c LINKS edge::net edge::ssl edge::crypto_lib edge::threads)
endforeach()
edge_test(unit/common/test_net_dial.c LINKS edge::net edge::http_server)
edge_test(unit/common/test_net_place.c LINKS edge::net)
target_link_options(test.unit.common.net_place PRIVATE -Wl,--wrap=socket)
