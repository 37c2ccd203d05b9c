# melmill_portable, the program of the wheel (tools/build_wheel). It is made of
# the same objects as melmill and linked in another way:
#
#   no FFTW        the general log-mel path has the plain DFT
#   HDF5           an archive, because Debian's shared one needs 30 libraries
#   libstdc++      one of our own, because Debian's needs glibc 2.36
#   the others     shared, found in ../libexec/melmill
#
# The target is there if Debian's archives are; nothing else depends on it.

execute_process(
  COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libstdc++_pic.a
  OUTPUT_VARIABLE libstdcxx_archive OUTPUT_STRIP_TRAILING_WHITESPACE)
string(REGEX REPLACE "a$" "map" libstdcxx_versions "${libstdcxx_archive}")
if(NOT EXISTS "${libstdcxx_archive}" OR NOT TARGET melmill_hdf5_archive)
  return()
endif()

execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libstdc++.a
                OUTPUT_VARIABLE libstdcxx_static
                OUTPUT_STRIP_TRAILING_WHITESPACE)

# All of libstdc++, in glibc 2.34's symbols. Debian's archive for shared
# libraries lacks one object, which the other archive has. A symbol that the program needs is
# given the version that it also has in GCC 9 to 11: auditwheel allows none
# that came with GCC 12.
set(portable ${CMAKE_BINARY_DIR}/portable)
file(MAKE_DIRECTORY ${portable})
set(wait _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE)
add_custom_command(
  OUTPUT ${portable}/libstdc++.so.6
  COMMAND ${CMAKE_COMMAND} -E chdir ${portable} ${CMAKE_AR} x
          ${libstdcxx_static} compatibility.o
  COMMAND sed -e "/ ${wait}/d" -e "/^GLIBCXX_3.4.11 /a ${wait}\;"
          ${libstdcxx_versions} > ${portable}/libstdc++.map
  COMMAND ${CMAKE_CXX_COMPILER} -shared -fPIC -O2 -nodefaultlibs
          -o ${portable}/libstdc++.so.6 -Wl,-soname,libstdc++.so.6
          -x c ${PROJECT_SOURCE_DIR}/cmake/arc4random.c -x none
          ${portable}/compatibility.o -Wl,--whole-archive ${libstdcxx_archive} -Wl,--no-whole-archive
          -Wl,--version-script=${portable}/libstdc++.map -Wl,-s -lm -lgcc_s -lc
  COMMAND ${CMAKE_COMMAND} -E create_symlink libstdc++.so.6
          ${portable}/libstdc++.so
  DEPENDS ${libstdcxx_archive} ${libstdcxx_versions}
          ${PROJECT_SOURCE_DIR}/cmake/arc4random.c
  COMMENT "Linking libstdc++ for the portable program"
  VERBATIM)
add_custom_target(melmill_libstdcxx DEPENDS ${portable}/libstdc++.so.6)

add_executable(melmill_portable EXCLUDE_FROM_ALL melmill/main.cc)
add_dependencies(melmill_portable melmill_libstdcxx)
target_link_directories(melmill_portable BEFORE PRIVATE ${portable})
target_link_libraries(melmill_portable PRIVATE melmill::tools melmill_flags)
# The second folder is where the libraries lie in an unpacked wheel.
set_target_properties(
  melmill_portable
  PROPERTIES MELMILL_PORTABLE ON SKIP_BUILD_RPATH ON
             LINK_OPTIONS
             "-Wl,-s;LINKER:-rpath,$ORIGIN/../libexec/melmill:$ORIGIN/../data/libexec/melmill")
