#include "folded.hpp"
#include "parts.hpp"

namespace darts::norm_block {
namespace {

/// Image by image through all units, so that what lies between them stays in the cache.
template <class T>
at::Tensor forward(const NormBlockPass& pass) {
  const FoldedBlock<T> block(pass.units, pass.x.size(2), pass.x.size(3));
  at::Tensor y = new_images(pass.x, block.output());
  const ImageBatch<T> x(pass.x);
  const ImageBatch<T> out(y);
  const bool adds = pass.output.addend.defined();
  const ImageBatch<T> addend = adds ? ImageBatch<T>(pass.output.addend) : ImageBatch<T>();
  for_groups<T>(pass.x.size(0), block.memory(), [&](const ImageGroup& group, T* memory) {
    for (std::int64_t n = group.first; n < group.last; ++n) {
      block.run(x[n], adds ? addend[n] : kernels::Pixels<const T>{}, out.writable(n), memory);
    }
  });
  return y;
}

}  // namespace

at::Tensor test_forward(const NormBlockPass& pass) {
  return pass.x.scalar_type() == at::kFloat ? forward<float>(pass) : forward<double>(pass);
}

}  // namespace darts::norm_block
