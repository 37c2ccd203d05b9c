// A bug in a library, as a library to preload: resampling from one sample rate,
// or decoding of coded sound of one, crashes or hangs.
//
//   POISON_RATE=11127  which rate, where libsoxr resamples from it
//   POISON_CODED_RATE=12000  which rate, where libFLAC, libmpg123 or libsndfile
//                      decodes it
//   POISON_FROM=5000   how far the decoder must be: in samples, of FLAC in
//                      bytes; 0 if not set
//   POISON=SEGV        what happens: SEGV (a read through a null pointer), BUS,
//                      ABRT, FPE (a division by 0), OVERFLOW (of the stack),
//                      KILL, or HANG
//   POISON_ONCE=FILE   only if FILE can be made

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "tests/support/interpose.h"

static volatile int zero = 0;

static int Overflow(int depth) {
  volatile char page[4096];
  page[0] = (char)depth;
  return depth < 0 ? page[0] : Overflow(depth + 1) + page[0];
}

static void Poison(const char* what) {
  if (strcmp(what, "SEGV") == 0) *(volatile int*)NULL = 1;
  if (strcmp(what, "BUS") == 0) raise(SIGBUS);
  if (strcmp(what, "ABRT") == 0) abort();
  if (strcmp(what, "FPE") == 0) zero = 7 / zero;
  if (strcmp(what, "OVERFLOW") == 0) zero = Overflow(1);
  if (strcmp(what, "KILL") == 0) kill(getpid(), SIGKILL);
  while (strcmp(what, "HANG") == 0) pause();
}

static int MayHappen(void) {
  const char* once = getenv("POISON_ONCE");
  if (once == NULL) return 1;
  const int fd = open(once, O_WRONLY | O_CREAT | O_EXCL, 0666);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static double Number(const char* variable) {
  return atof(Setting(variable, "0"));
}

static void MayPoison(double rate, double poisoned_rate) {
  if (rate == poisoned_rate && MayHappen()) Poison(Setting("POISON", ""));
}

// A call of a decoder, which is at this place of its file.
static void MayPoisonCoded(double rate, double place) {
  if (place >= Number("POISON_FROM")) {
    MayPoison(rate, Number("POISON_CODED_RATE"));
  }
}

void* soxr_create(double input_rate, double output_rate, unsigned num_channels,
                  void* error, void* io_spec, void* quality_spec,
                  void* runtime_spec) {
  REAL(soxr_create);
  MayPoison(input_rate, Number("POISON_RATE"));
  return real(input_rate, output_rate, num_channels, error, io_spec,
              quality_spec, runtime_spec);
}

// The program's libraries have these.
unsigned FLAC__stream_decoder_get_sample_rate(const void* decoder);
int FLAC__stream_decoder_get_decode_position(const void* decoder,
                                             uint64_t* position);
int mpg123_getformat(void* handle, long* rate, int* channels, int* encoding);
off_t mpg123_tell(void* handle);
int sf_command(void* file, int command, void* data, int data_bytes);
int64_t sf_seek(void* file, int64_t samples, int whence);

int FLAC__stream_decoder_process_single(void* decoder) {
  REAL(FLAC__stream_decoder_process_single);
  uint64_t place = 0;
  FLAC__stream_decoder_get_decode_position(decoder, &place);
  MayPoisonCoded(FLAC__stream_decoder_get_sample_rate(decoder), (double)place);
  return real(decoder);
}

int mpg123_read(void* handle, void* to, size_t num_bytes, size_t* num_read) {
  REAL(mpg123_read);
  long rate = 0;
  int channels = 0;
  int encoding = 0;
  mpg123_getformat(handle, &rate, &channels, &encoding);
  MayPoisonCoded((double)rate, (double)mpg123_tell(handle));
  return real(handle, to, num_bytes, num_read);
}

int64_t sf_readf_float(void* file, float* to, int64_t num_samples) {
  REAL(sf_readf_float);
  enum { kGetInfo = 0x1002 };  // SFC_GET_CURRENT_SF_INFO
  struct {
    int64_t num_samples;
    int rate, channels, format, sections, seekable;
  } info = {0, 0, 0, 0, 0, 0};
  sf_command(file, kGetInfo, &info, sizeof(info));
  MayPoisonCoded(info.rate, (double)sf_seek(file, 0, SEEK_CUR));
  return real(file, to, num_samples);
}
