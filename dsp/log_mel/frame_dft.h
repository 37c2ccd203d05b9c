#ifndef MELMILL_DSP_LOG_MEL_FRAME_DFT_H_
#define MELMILL_DSP_LOG_MEL_FRAME_DFT_H_

#include <complex>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace melmill {

// The DFT of frames of real samples, in double precision, which the general
// log-mel path uses.
//
// There are two implementations: frame_dft_fftw.cc is FFTW, and
// frame_dft_plain.cc is slower and needs no library. A program is linked with
// one of them (dsp/CMakeLists.txt). Their results differ in the last bits.
class FrameDft {
 public:
  // What one thread needs. Made by MakeWorkspace, and used with that FrameDft.
  class Workspace {
   public:
    virtual ~Workspace() = default;

    // The n samples to transform.
    virtual double* frame() = 0;
  };

  virtual ~FrameDft() = default;

  virtual std::unique_ptr<Workspace> MakeWorkspace() const = 0;

  // Returns bins 0 to n / 2 of the DFT of workspace.frame(). They are valid
  // until the next call with this workspace. Any thread may call, with a
  // workspace of its own.
  virtual std::span<const std::complex<double>> Transform(
      Workspace& workspace) const = 0;
};

// For frames of n >= 1 samples. Any thread may call. Not cheap.
std::unique_ptr<FrameDft> MakeFrameDft(int n);

// The implementation's name: "fftw" or "plain".
std::string_view FrameDftName();

// Its name and version, for a store's producer record.
std::string FrameDftVersion();

}  // namespace melmill

#endif  // MELMILL_DSP_LOG_MEL_FRAME_DFT_H_
