foreach(subject sas connection_string bag topic incoming twin)
  edge_fuzz(fuzz_${subject} LINKS edge::iothub)
endforeach()
