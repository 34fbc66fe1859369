#include "random_batch.hpp"
#include "subjects.hpp"

#include <darts/ops/count.hpp>
#include <darts/search/search_methods.hpp>
#include <darts/search/search_space.hpp>
#include <darts/search/search_step.hpp>
#include <darts/search/supernet_pass.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <memory>

namespace darts {
namespace {

/// A supernet and a batch of either kind.
struct SearchSubject {
  explicit SearchSubject(const SubjectOptions& o)
      : method(make_method(o.method)),
        position{.epoch = 49, .epochs = 50, .stage = o.stage},
        supernet(options_of(o, *method)),
        train(random_batch(o)),
        valid(random_batch(o)) {
    initialize_supernet(supernet, 0, *method);
    supernet->to(o.device);
    method->start_epoch(*supernet, position);
  }

  static SupernetOptions options_of(const SubjectOptions& o, const SearchMethod& method) {
    const SearchSpace space = space_of(o, method);
    SupernetOptions options;
    options.primitives = space.primitives;
    options.channels = o.size.channels;
    options.execution = o.execution;
    options.theta = method.theta_shapes(space);
    method.prepare(options, o.stage);
    options.cells = o.size.cells;  // whatever the stage adds
    return options;
  }

  /// What a random theta leaves of the space in the stage.
  static SearchSpace space_of(const SubjectOptions& o, const SearchMethod& method) {
    SearchSpace space;
    space.primitives = find_space(o.space).primitives();
    for (std::int64_t stage = 0; stage < o.stage; ++stage) {
      const at::Generator generator =
          at::detail::createCPUGenerator(static_cast<std::uint64_t>(stage));
      Theta theta;
      for (const ThetaShape& shape : method.theta_shapes(space)) {
        theta.add(shape.name, at::randn(shape.sizes, generator));
      }
      theta.set_missing(missing_columns({space.primitives, space.nodes}, theta.alphas()));
      space.primitives = method.next_primitives(theta, {stage, space});
    }
    return space;
  }

  Mixings mixings() const { return method->mix_all(supernet->theta(), position, Moves::w); }

  std::shared_ptr<const SearchMethod> method;
  SearchPosition position;  ///< where every method moves theta
  Supernet supernet;
  Batch train;
  Batch valid;
};

std::function<void()> search_step(const SubjectOptions& o, SearchOrder order) {
  const auto subject = std::make_shared<SearchSubject>(o);
  SearchStepOptions options;
  options.order = order;
  options.method = subject->method;
  options.cuda_graph = o.cuda_graph;
  options.ranks = o.ranks;
  options.batch_norm = o.batch_norm;
  const auto step = std::make_shared<SearchStep>(subject->supernet, options);
  return [subject, step, rate = options.w.learning_rate] {
    step->launch(subject->train, subject->valid, rate, subject->position);
    ++subject->position.step;  // other draws in every step
  };
}

std::function<void()> gradient(const SubjectOptions& o, Differentiate by) {
  const auto subject = std::make_shared<SearchSubject>(o);
  const std::shared_ptr<SupernetPass> pass =
      o.cuda_graph ? make_graphed_pass(subject->supernet) : make_pass(subject->supernet);
  return [subject, pass, by] { pass->run(subject->train, subject->mixings(), by); };
}

}  // namespace

std::function<void()> first_order_step(const SubjectOptions& options) {
  return search_step(options, SearchOrder::first);
}

std::function<void()> second_order_step(const SubjectOptions& options) {
  return search_step(options, SearchOrder::second);
}

std::function<void()> joint_step(const SubjectOptions& options) {
  return search_step(options, SearchOrder::joint);
}

std::function<void()> supernet_loss(const SubjectOptions& options) {
  const auto subject = std::make_shared<SearchSubject>(options);
  return [subject] {
    const at::Tensor logits = subject->supernet->forward(subject->train.images, subject->mixings());
    at::cross_entropy_loss(logits, subject->train.labels).item<double>();
  };
}

std::function<void()> alpha_gradient(const SubjectOptions& options) {
  return gradient(options, Differentiate::mixing);
}

std::function<void()> weight_gradient(const SubjectOptions& options) {
  return gradient(options, Differentiate::weights);
}

std::int64_t supernet_multiply_adds(const NetworkSize& size) {
  const c10::NoGradGuard no_grad;
  const SearchMethod darts;
  SubjectOptions options;
  options.size = size;
  options.execution.execution = Execution::plain;
  Supernet supernet(SearchSubject::options_of(options, darts));
  const Mixings mixings = darts.mix_all(supernet->theta(), {}, Moves::w);
  return count_multiply_adds([&] { supernet->forward(at::zeros({1, 3, 32, 32}), mixings); });
}

}  // namespace darts
