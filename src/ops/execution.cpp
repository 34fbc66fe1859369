#include <darts/core/field_table.hpp>
#include <darts/ops/execution.hpp>

namespace darts {

void add_execution_field(FieldTable& table, Execution& execution) {
  table.add("runtime.execution", execution,
            "fused: several operations at once, by our own kernels (CPU, fp32); merged: a search "
            "cell's by LibTorch's, which is what fused means on a GPU; plain: one by one",
            one_of<Execution>({{"fused", Execution::fused},
                               {"merged", Execution::merged},
                               {"plain", Execution::plain}}));
}

}  // namespace darts
