#include <darts/search/architect.hpp>

namespace darts {
namespace {

class FirstOrderArchitect : public Architect {
 public:
  explicit FirstOrderArchitect(ArchitectContext context) : context_(std::move(context)) {}

  void compute_gradients(const Batch& /*train*/, const Batch& valid,
                         double /*learning_rate*/) override {
    set_gradients(context_.supernet->alphas(),
                  context_.pass->run(valid, Differentiate::alphas).alphas);
  }

 private:
  ArchitectContext context_;
};

}  // namespace

std::unique_ptr<Architect> make_first_order_architect(const ArchitectContext& context) {
  return std::make_unique<FirstOrderArchitect>(context);
}

}  // namespace darts
