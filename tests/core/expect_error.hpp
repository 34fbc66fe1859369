#pragma once

#include <darts/core/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace darts::testing {

/// The message of the darts::Error that `action` throws; "" with a failed test if it throws none.
template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << "not one line: " << message;
    return message;
  }
  ADD_FAILURE() << "no darts::Error was thrown";
  return {};
}

}  // namespace darts::testing
