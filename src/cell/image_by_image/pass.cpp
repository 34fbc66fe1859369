#include "pass.hpp"

#include "kernels/normalize.hpp"
#include "norm_block/folded.hpp"
#include "norm_block/parts.hpp"
#include "phase.hpp"

#include <darts/ops/norm_block.hpp>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <memory>

namespace darts {
namespace {

using batch::ImageBatch;
using kernels::Pixels;
using norm_block::FoldedBlock;
using torch::nn::AnyModule;

std::vector<NormUnit> units_of(AnyModule& module) {
  const auto* const block = dynamic_cast<const NormBlock*>(module.ptr().get());
  return block == nullptr ? std::vector<NormUnit>{} : block->units();
}

bool fits(const ImageCell& cell, const at::Tensor& s0, const at::Tensor& s1) {
  const auto takes = [](AnyModule* module, const at::Tensor& x) {
    return norm_block::fits({units_of(*module), x, {}, {}, {}});
  };
  const auto has_kernels = [&](const ImageEdge& edge) {
    return edge.kind != ImageEdge::Kind::block ||
           norm_block::has_kernels(units_of(*edge.operation), s0.scalar_type());
  };
  return takes(cell.preprocess[0], s0) && takes(cell.preprocess[1], s1) &&
         s0.scalar_type() == s1.scalar_type() && s0.size(0) == s1.size(0) &&
         std::all_of(cell.nodes.begin(), cell.nodes.end(), [&](const auto& edges) {
           return std::all_of(edges.begin(), edges.end(), has_kernels);
         });
}

/// Where a state's images lie.
template <class T>
struct Place {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  const ImageBatch<T>* batch = nullptr;  ///< null: in the memory of a thread
  std::int64_t offset = 0;               ///< elements to the first channel, or to the first image

  std::int64_t size() const { return channels * height * width; }
};

/// to = addend + block(from), or pool(from), or from.
template <class T>
struct Step {
  std::unique_ptr<FoldedBlock<T>> block;
  AnyModule* pool = nullptr;
  const Place<T>* from = nullptr;
  const Place<T>* addend = nullptr;  ///< null: 0
  const Place<T>* to = nullptr;
};

/// Images that go through the cell together, and their thread's memory.
template <class T>
struct Chunk {
  std::int64_t first = 0;
  std::int64_t last = 0;
  T* workspace = nullptr;
  T* states = nullptr;
};

template <class T>
class ImagePass {
 public:
  ImagePass(const ImageCell& cell, const at::Tensor& s0, const at::Tensor& s1);
  ImagePass(const ImagePass&) = delete;  // its parts refer to each other
  ImagePass& operator=(const ImagePass&) = delete;
  ImagePass(ImagePass&&) = delete;
  ImagePass& operator=(ImagePass&&) = delete;
  ~ImagePass() = default;

  /// Whether the two inputs have come to the same size; if not, the plain way says what is wrong.
  bool is_whole() const {
    return states_[0].height == states_[1].height && states_[0].width == states_[1].width;
  }
  at::Tensor run() const;
  std::int64_t multiply_adds() const;

 private:
  void add_block(AnyModule& module, Step<T> step);
  void add_node(const std::vector<ImageEdge>& edges, Place<T>& node);
  void place_states(const std::vector<std::size_t>& concat, const at::Tensor& like);
  std::int64_t images_at_a_time() const;
  void run_group(const batch::ImageGroup& group, T* memory) const;
  void run_step(const Step<T>& step, std::int64_t image, const Chunk<T>& chunk) const;
  Pixels<T> pixels(const Place<T>* place, std::int64_t image, const Chunk<T>& chunk) const;

  std::array<Place<T>, 2> inputs_;
  std::vector<Place<T>> states_;
  std::vector<Step<T>> steps_;
  std::array<ImageBatch<T>, 3> batches_;  ///< s0, s1, output
  at::Tensor output_;
  std::int64_t images_ = 0;
  std::int64_t workspace_ = 0;     ///< elements
  std::int64_t node_size_ = 0;     ///< of an image
  std::int64_t state_memory_ = 0;  ///< of an image
};

template <class T>
ImagePass<T>::ImagePass(const ImageCell& cell, const at::Tensor& s0, const at::Tensor& s1)
    : states_(2 + cell.nodes.size()),
      batches_{ImageBatch<T>(s0), ImageBatch<T>(s1), ImageBatch<T>()},
      images_(s0.size(0)) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const at::Tensor& input = i == 0 ? s0 : s1;
    inputs_[i] = {input.size(1), input.size(2), input.size(3), &batches_[i]};
    add_block(*cell.preprocess[i], {nullptr, nullptr, &inputs_[i], nullptr, &states_[i]});
    const norm_block::UnitGeometry& made = steps_.back().block->output();
    states_[i] = {made.out_channels, made.shape().out_height(), made.shape().out_width()};
  }
  for (std::size_t i = 0; i < cell.nodes.size(); ++i) {
    add_node(cell.nodes[i], states_[2 + i]);
  }
  place_states(cell.concat, s0);
}

template <class T>
void ImagePass<T>::add_block(AnyModule& module, Step<T> step) {
  step.block =
      std::make_unique<FoldedBlock<T>>(units_of(module), step.from->height, step.from->width);
  workspace_ = std::max(workspace_, step.block->memory());
  steps_.push_back(std::move(step));
}

template <class T>
void ImagePass<T>::add_node(const std::vector<ImageEdge>& edges, Place<T>& node) {
  if (edges.empty()) {
    return;  // nothing reads the node
  }
  const Place<T>* sum = nullptr;  // a state as it is, as long as nothing is added to it
  for (const ImageEdge& edge : edges) {
    const Place<T>& from = states_[edge.from];
    node.channels = from.channels;
    node.height = (from.height - 1) / edge.stride + 1;
    node.width = (from.width - 1) / edge.stride + 1;
    if (edge.kind == ImageEdge::Kind::identity && sum == nullptr) {
      sum = &from;
      continue;
    }
    Step<T> step{nullptr, nullptr, &from, sum, &node};
    if (edge.kind == ImageEdge::Kind::block) {
      add_block(*edge.operation, std::move(step));
    } else {
      step.pool = edge.kind == ImageEdge::Kind::pool ? edge.operation : nullptr;
      steps_.push_back(std::move(step));
    }
    sum = &node;
  }
  if (sum != &node) {
    steps_.push_back({nullptr, nullptr, sum, nullptr, &node});
  }
}

template <class T>
void ImagePass<T>::place_states(const std::vector<std::size_t>& concat, const at::Tensor& like) {
  std::int64_t channels = 0;
  for (const std::size_t state : concat) {
    states_[state].batch = &batches_[2];
    states_[state].offset = channels;
    channels += states_[state].channels;
  }
  for (Place<T>& state : states_) {
    if (state.batch == nullptr) {
      state.offset = state_memory_;
      state_memory_ += state.size();
    }
  }
  const Place<T>& last = states_[concat.back()];
  node_size_ = last.size();
  output_ = at::empty({images_, channels, last.height, last.width}, like.options(),
                      at::MemoryFormat::ChannelsLast);
  batches_[2] = ImageBatch<T>(output_);
}

template <class T>
std::int64_t ImagePass<T>::multiply_adds() const {
  std::int64_t sum = 0;
  for (const Step<T>& step : steps_) {
    sum += step.block == nullptr ? 0 : images_ * step.block->multiply_adds();
  }
  return sum;
}

template <class T>
at::Tensor ImagePass<T>::run() const {
  const std::int64_t most = std::min(images_ / batch::group_count(images_) + 1, images_at_a_time());
  batch::for_groups<T>(
      images_, workspace_ + most * state_memory_,
      [&](const batch::ImageGroup& group, T* memory) { run_group(group, memory); });
  return output_;
}

/// As many as fit the second-level cache with all their states: the fewer they are, the more often
/// the weights are read anew.
template <class T>
std::int64_t ImagePass<T>::images_at_a_time() const {
  constexpr std::int64_t elements = 40'000;  // of a node
  return std::max<std::int64_t>(elements / node_size_, 1);
}

template <class T>
void ImagePass<T>::run_group(const batch::ImageGroup& group, T* memory) const {
  const c10::NoGradGuard no_grad;  // this may be another thread than the caller's
  const std::int64_t count = images_at_a_time();
  Chunk<T> chunk{group.first, group.first, memory, memory + workspace_};
  while (chunk.last < group.last) {
    chunk.first = chunk.last;
    chunk.last = std::min(chunk.first + count, group.last);
    for (const Step<T>& step : steps_) {
      for (std::int64_t image = chunk.first; image < chunk.last; ++image) {
        run_step(step, image, chunk);
      }
    }
  }
}

template <class T>
Pixels<T> ImagePass<T>::pixels(const Place<T>* place, std::int64_t image,
                               const Chunk<T>& chunk) const {
  if (place == nullptr) {
    return {};
  }
  if (place->batch == nullptr) {
    return {chunk.states + (image - chunk.first) * state_memory_ + place->offset, place->channels};
  }
  const Pixels<T> all = place->batch->writable(image);
  return {all.data + place->offset, all.step};
}

template <class T>
void ImagePass<T>::run_step(const Step<T>& step, std::int64_t image, const Chunk<T>& chunk) const {
  const Pixels<T> from = pixels(step.from, image, chunk);
  const Pixels<T> addend = pixels(step.addend, image, chunk);
  const Pixels<T> to = pixels(step.to, image, chunk);
  if (step.block != nullptr) {
    step.block->run({from.data, from.step}, {addend.data, addend.step}, to, chunk.workspace);
    return;
  }
  kernels::Normalize<T> sum;
  sum.pixels = step.to->height * step.to->width;
  sum.channels = step.to->channels;
  sum.addend = {addend.data, addend.step};
  sum.y = to;
  if (step.pool == nullptr) {
    sum.z = {from.data, from.step};
    kernels::normalize(sum);
    return;
  }
  const at::Tensor x = at::from_blob(
      from.data, {1, step.from->channels, step.from->height, step.from->width},
      {step.from->size(), 1, step.from->width * from.step, from.step}, output_.options());
  const ImageBatch<T> pooled(step.pool->template forward<at::Tensor>(x));
  sum.z = pooled[0];
  kernels::normalize(sum);
}

template <class T>
std::optional<at::Tensor> run_pass(const ImageCell& cell, const at::Tensor& s0,
                                   const at::Tensor& s1) {
  const ImagePass<T> pass(cell, s0, s1);
  if (!pass.is_whole()) {
    return std::nullopt;
  }
  return run_recorded(
      "darts::fused_operation", [&] { return pass.multiply_adds(); }, [&] { return pass.run(); });
}

}  // namespace

std::optional<at::Tensor> run_image_by_image(const ImageCell& cell, const at::Tensor& s0,
                                             const at::Tensor& s1) {
  if (!fits(cell, s0, s1)) {
    return std::nullopt;
  }
  return s0.scalar_type() == at::kFloat ? run_pass<float>(cell, s0, s1)
                                        : run_pass<double>(cell, s0, s1);
}

}  // namespace darts
