set(TIDEGATE_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed_files.cmake)

# tidegate_embed(TARGET FUNCTION FOLDER FILE...): the files of FOLDER become part of TARGET, returned by FUNCTION (with
# its namespaces; whoever calls it declares it). Changed files are embedded anew.
function(tidegate_embed target function folder)
  get_filename_component(folder ${folder} ABSOLUTE)
  string(REGEX REPLACE ".*::" "" name ${function})
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  list(TRANSFORM ARGN PREPEND ${folder}/ OUTPUT_VARIABLE paths)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DFUNCTION=${function} -DFOLDER=${folder} "-DFILES=${ARGN}"
            -P ${TIDEGATE_EMBED_SCRIPT}
    DEPENDS ${paths} ${TIDEGATE_EMBED_SCRIPT}
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
