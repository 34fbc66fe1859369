#pragma once

#include "execution.hpp"

#include <functional>

namespace darts {

// The rows of works(): each draws a network and images on the device, and returns what is timed.

std::function<void()> first_order_step(const SubjectOptions& options);
std::function<void()> second_order_step(const SubjectOptions& options);
std::function<void()> joint_step(const SubjectOptions& options);
std::function<void()> supernet_loss(const SubjectOptions& options);
std::function<void()> alpha_gradient(const SubjectOptions& options);
std::function<void()> weight_gradient(const SubjectOptions& options);
std::function<void()> training_step(const SubjectOptions& options);
std::function<void()> testing_pass(const SubjectOptions& options);

// Multiply-adds of one image on its way forward, counted on the CPU. Training has an auxiliary
// head.

std::int64_t supernet_multiply_adds(const NetworkSize& size);
std::int64_t training_multiply_adds(const NetworkSize& size);
std::int64_t testing_multiply_adds(const NetworkSize& size);

}  // namespace darts
