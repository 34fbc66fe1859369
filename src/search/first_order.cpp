#include <darts/search/architect.hpp>

namespace darts {
namespace {

class FirstOrderArchitect : public Architect {
 public:
  explicit FirstOrderArchitect(ArchitectContext context) : context_(std::move(context)) {}

  void compute_gradients(const Batch& /*train*/, const Batch& valid, double /*learning_rate*/,
                         const SearchPosition& position) override {
    const auto result = context_.pass->run(valid, Differentiate::mixing, position, Moves::theta);
    context_.pass->theta().set_gradients(result.theta);
  }

 private:
  ArchitectContext context_;
};

}  // namespace

std::unique_ptr<Architect> make_first_order_architect(const ArchitectContext& context) {
  return std::make_unique<FirstOrderArchitect>(context);
}

}  // namespace darts
