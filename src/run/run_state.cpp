#include <darts/core/json_text.hpp>
#include <darts/run/run_state.hpp>

namespace darts {

EpochFigures epoch_figures(const RunState& state, double learning_rate) {
  const auto images = static_cast<double>(state.images);
  return {.epoch = state.epoch + 1,
          .learning_rate = learning_rate,
          .train_loss = state.loss_sum / images,
          .train_accuracy = static_cast<double>(state.correct) / images,
          .seconds = state.seconds,
          .images_per_second = images / state.seconds,
          .loader_share = state.loader_seconds / state.seconds};
}

nlohmann::json step_record(const RunState& state, const StepResult& result, std::int64_t images) {
  return {{"kind", "step"},
          {"epoch", state.epoch + 1},
          {"step", state.step},
          {"train_loss", result.loss},
          {"train_accuracy", static_cast<double>(result.correct) / static_cast<double>(images)},
          {"gradient_norm", result.gradient_norm}};
}

Error no_usable_images(std::int64_t skipped) {
  return Error("none of the training images could be used; " + std::to_string(skipped) +
               " cannot be read");
}

StateFields state_fields(RunState& s, const StateFields& more) {
  StateFields fields{{"epoch", &s.epoch},
                     {"step", &s.step},
                     {"loss_sum", &s.loss_sum},
                     {"correct", &s.correct},
                     {"images", &s.images},
                     {"seconds", &s.seconds},
                     {"loader_seconds", &s.loader_seconds}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

nlohmann::ordered_json to_json(const StateFields& fields) {
  nlohmann::ordered_json json;
  for (const auto& [name, field] : fields) {
    std::visit([&json, key = name](const auto* value) { json[key] = *value; }, field);
  }
  return json;
}

void read_fields(const nlohmann::ordered_json& json, const StateFields& fields) {
  for (const auto& [name, field] : fields) {
    std::visit([&json, key = name](auto* value) { *value = json_field_or(json, key, *value); },
               field);
    if (const auto* const* count = std::get_if<std::int64_t*>(&field); count && **count < 0) {
      throw Error(std::string("\"") + name + "\" must be at least 0, got " +
                  std::to_string(**count));
    }
  }
}

}  // namespace darts
