#include <darts/cell/network_memory.hpp>
#include <darts/cell/topology.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace darts {
namespace {

/// A convolution's two objects, and those of the batch norm behind it.
constexpr double tensors_of_norm = 4.0;

/// Height and width, of an image or somewhere in the network.
struct Pixels {
  double height = 0.0;
  double width = 0.0;

  Pixels halved() const { return {std::ceil(height / 2), std::ceil(width / 2)}; }
  double count() const { return height * width; }
};

/// Elements of the weights of a k×k convolution and of the batch norm behind it.
double convolution(double in, double out, double pixels, bool affine) {
  return in * out * pixels + (affine ? 2 * out : 0);
}

/// Walks through the network as its modules do.
class Walk {
 public:
  explicit Walk(const NetworkSizes& sizes)
      : sizes_(sizes),
        pixels_{static_cast<double>(sizes.height), static_cast<double>(sizes.width)} {
    add_stem();
  }

  void add_cell(bool reduction) {
    const CellContents& contents =
        sizes_.contents.of(reduction ? CellType::reduction : CellType::normal);
    channels_ *= reduction ? 2 : 1;
    const double input = channels_ * pixels_.count();
    pixels_ = reduction ? pixels_.halved() : pixels_;
    const double node = channels_ * pixels_.count();
    const double output = node * static_cast<double>(contents.outputs);

    for (const double in : {channels_prev_prev_, channels_prev_}) {
      memory_.parameters += convolution(in, channels_, 1, sizes_.affine);
    }
    memory_.parameters += contents.operations.parameters(static_cast<std::int64_t>(channels_));
    memory_.tensors += static_cast<double>(contents.operations.tensors) + 2 * tensors_of_norm;

    const double ends = 4 * input + output;  // what preprocessing makes, with its batch norms
    const double inside = (contents.normalized + contents.states) * node;
    memory_.kept += ends + inside;
    memory_.kept_to_recompute += ends;
    most_inside_ = std::max(most_inside_, inside);
    pass(output);
    channels_prev_prev_ =
        std::exchange(channels_prev_, channels_ * static_cast<double>(contents.outputs));
  }

  NetworkMemory finish() {
    const auto classes = static_cast<double>(sizes_.classes);
    memory_.parameters += (channels_prev_ + 1) * classes;
    memory_.tensors += 2;
    memory_.kept_to_recompute += most_inside_;
    return memory_;
  }

 private:
  void add_stem() {
    const auto image = static_cast<double>(sizes_.stem.image_channels);
    const auto c = static_cast<double>(sizes_.stem.channels);
    if (sizes_.stem.kind == NetworkStem::cifar) {
      add_stem_convolution(image, c);
    } else {
      const double half = static_cast<double>(sizes_.stem.channels / 2);
      for (const auto& [in, out] : {std::pair{image, half}, {half, c}, {c, c}}) {
        pixels_ = pixels_.halved();
        add_stem_convolution(in, out);
      }
    }
    channels_prev_prev_ = c;
    channels_prev_ = c;
    channels_ = static_cast<double>(sizes_.channels);
  }

  /// The batch norm's input and output stay.
  void add_stem_convolution(double in, double out) {
    memory_.parameters += convolution(in, out, 9, /*affine=*/true);
    memory_.tensors += tensors_of_norm;
    memory_.kept += 2 * out * pixels_.count();
    memory_.kept_to_recompute += 2 * out * pixels_.count();
    pass(out * pixels_.count());
  }

  /// Three in a row are there at once.
  void pass(double output) {
    memory_.passing = std::max(memory_.passing, before_ + last_ + output);
    before_ = std::exchange(last_, output);
  }

  const NetworkSizes& sizes_;
  NetworkMemory memory_;
  Pixels pixels_;
  double channels_ = 0.0;
  double channels_prev_prev_ = 0.0;
  double channels_prev_ = 0.0;
  double most_inside_ = 0.0;
  double before_ = 0.0;
  double last_ = 0.0;
};

}  // namespace

NetworkMemory network_memory(const NetworkSizes& sizes) {
  Walk walk(sizes);
  for (std::int64_t i = 0; i < sizes.cells; ++i) {
    walk.add_cell(is_reduction_cell(i, sizes.cells));
  }
  return walk.finish();
}

}  // namespace darts
