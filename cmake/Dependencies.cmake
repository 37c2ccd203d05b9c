# Everything comes from the system's packages; nothing is downloaded.
# tools/dependencies lists the Debian packages.

find_package(PkgConfig REQUIRED)
pkg_check_modules(FLAC REQUIRED IMPORTED_TARGET flac)
pkg_check_modules(MPG123 REQUIRED IMPORTED_TARGET libmpg123)
pkg_check_modules(SNDFILE REQUIRED IMPORTED_TARGET sndfile)
pkg_check_modules(SOXR REQUIRED IMPORTED_TARGET soxr)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)

find_package(nlohmann_json 3.11 REQUIRED)
find_package(TBB 2021.8 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5)
find_package(Threads REQUIRED)
find_package(hwy 1.0.3 REQUIRED)

# Programs with the property MELMILL_PORTABLE (Portable.cmake) are linked with
# HDF5's archive, if the system has it.
set(MELMILL_IS_PORTABLE "$<BOOL:$<TARGET_PROPERTY:MELMILL_PORTABLE>>")
set(MELMILL_HDF5 PkgConfig::HDF5)
find_library(MELMILL_HDF5_ARCHIVE libhdf5.a HINTS ${HDF5_LIBRARY_DIRS})
find_library(MELMILL_SZ_ARCHIVE libsz.a)
find_library(MELMILL_AEC_ARCHIVE libaec.a)
find_library(MELMILL_Z_ARCHIVE libz.a)
if(MELMILL_HDF5_ARCHIVE AND MELMILL_SZ_ARCHIVE AND MELMILL_AEC_ARCHIVE
   AND MELMILL_Z_ARCHIVE)
  add_library(melmill_hdf5_archive INTERFACE)
  target_link_libraries(
    melmill_hdf5_archive
    INTERFACE ${MELMILL_HDF5_ARCHIVE} ${MELMILL_SZ_ARCHIVE}
              ${MELMILL_AEC_ARCHIVE} ${MELMILL_Z_ARCHIVE} ${CMAKE_DL_LIBS})
  set(MELMILL_HDF5
      "$<IF:${MELMILL_IS_PORTABLE},melmill_hdf5_archive,PkgConfig::HDF5>")
endif()

if(MELMILL_FFTW OR MELMILL_BUILD_TESTS)
  pkg_check_modules(FFTW REQUIRED IMPORTED_TARGET fftw3)
endif()
if(MELMILL_BUILD_TESTS)
  find_package(GTest 1.12 REQUIRED)
endif()
if(MELMILL_BUILD_BENCH)
  find_package(benchmark 1.7 REQUIRED)
endif()
