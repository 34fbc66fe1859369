#include <darts/core/error.hpp>
#include <darts/core/log.hpp>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <string>

namespace darts {

struct Log::Impl {
  spdlog::logger logger{"darts"};
};

Log::Log(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Log::Log() : Log(warnings()) {
  // Two sinks, split by level, so that `darts_search > log` keeps warnings on the terminal.
  auto out = std::make_shared<spdlog::sinks::stdout_sink_mt>();
  out->set_pattern("%v");
  auto& sinks = impl_->logger.sinks();
  sinks.insert(sinks.begin(), std::move(out));
}

Log Log::warnings() {
  Log log = silent();
  auto err = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  err->set_pattern("%l: %v");
  err->set_level(spdlog::level::warn);
  log.impl_->logger.sinks() = {std::move(err)};
  return log;
}

Log Log::silent() { return Log(std::make_shared<Impl>()); }

void Log::add_file(const std::filesystem::path& file) {
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
    sink->set_pattern("%Y-%m-%d %H:%M:%S %l %v");
    impl_ = std::make_shared<Impl>(*impl_);
    impl_->logger.sinks().push_back(std::move(sink));
  } catch (const spdlog::spdlog_ex& e) {
    throw Error("cannot write the log " + file.string() + ": " + e.what());
  }
  impl_->logger.flush_on(spdlog::level::info);
}

void Log::info(std::string_view line) const { impl_->logger.info("{}", line); }

void Log::warn(std::string_view line) const { impl_->logger.warn("{}", line); }

}  // namespace darts
