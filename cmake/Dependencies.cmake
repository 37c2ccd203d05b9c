# Everything comes from the system's packages; nothing is downloaded.
# tools/dependencies lists the Debian packages.

find_package(PkgConfig REQUIRED)
pkg_check_modules(FFTW REQUIRED IMPORTED_TARGET fftw3)
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

if(MELMILL_BUILD_TESTS)
  find_package(GTest 1.12 REQUIRED)
endif()
if(MELMILL_BUILD_BENCH)
  find_package(benchmark 1.7 REQUIRED)
endif()
