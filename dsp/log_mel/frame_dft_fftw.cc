#include <fftw3.h>

#include <mutex>
#include <new>

#include "dsp/log_mel/frame_dft.h"

namespace melmill {
namespace {

// Making and destroying plans uses global state in FFTW; executing them does
// not.
std::mutex& PlannerMutex() {
  static std::mutex mutex;
  return mutex;
}

struct PlanDeleter {
  void operator()(fftw_plan plan) const {
    const std::lock_guard lock(PlannerMutex());
    fftw_destroy_plan(plan);
  }
};
using PlanPtr = std::unique_ptr<fftw_plan_s, PlanDeleter>;

struct FftwFree {
  void operator()(void* memory) const { fftw_free(memory); }
};

// The plan is made for the alignment that FFTW's allocators give.
class FftwWorkspace : public FrameDft::Workspace {
 public:
  explicit FftwWorkspace(int n)
      : frame_(fftw_alloc_real(static_cast<size_t>(n))),
        spectrum_(fftw_alloc_complex(static_cast<size_t>(n / 2 + 1))) {
    if (frame_ == nullptr || spectrum_ == nullptr) throw std::bad_alloc();
  }

  double* frame() override { return frame_.get(); }
  fftw_complex* spectrum() { return spectrum_.get(); }

 private:
  std::unique_ptr<double[], FftwFree> frame_;
  std::unique_ptr<fftw_complex[], FftwFree> spectrum_;
};

PlanPtr MakePlan(int n) {
  FftwWorkspace buffers(n);
  const std::lock_guard lock(PlannerMutex());
  // FFTW_ESTIMATE does no timing runs. With them the choice of plan, and so the
  // last bits, would depend on chance.
  PlanPtr plan(fftw_plan_dft_r2c_1d(n, buffers.frame(), buffers.spectrum(),
                                    FFTW_ESTIMATE));
  if (plan == nullptr) throw std::bad_alloc();
  return plan;
}

class FftwDft : public FrameDft {
 public:
  explicit FftwDft(int n) : n_(n), plan_(MakePlan(n)) {}

  std::unique_ptr<Workspace> MakeWorkspace() const override {
    return std::make_unique<FftwWorkspace>(n_);
  }

  std::span<const std::complex<double>> Transform(
      Workspace& workspace) const override {
    auto& buffers = static_cast<FftwWorkspace&>(workspace);
    fftw_execute_dft_r2c(plan_.get(), buffers.frame(), buffers.spectrum());
    // FFTW's manual promises the layout of std::complex<double>.
    return {reinterpret_cast<const std::complex<double>*>(buffers.spectrum()),
            static_cast<size_t>(n_ / 2 + 1)};
  }

 private:
  int n_;
  PlanPtr plan_;
};

}  // namespace

std::unique_ptr<FrameDft> MakeFrameDft(int n) {
  return std::make_unique<FftwDft>(n);
}

std::string_view FrameDftName() { return "fftw"; }

std::string FrameDftVersion() { return fftw_version; }

}  // namespace melmill
