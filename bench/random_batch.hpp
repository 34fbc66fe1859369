#pragma once

#include "execution.hpp"

#include <darts/data/batch_loader.hpp>

#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>

namespace darts {

/// Images of CIFAR-10's shape and labels of ten classes, drawn on the CPU.
inline Batch random_batch(const SubjectOptions& o) {
  return {at::rand({o.size.batch, 3, 32, 32})
              .contiguous(o.channels_last ? at::MemoryFormat::ChannelsLast
                                          : at::MemoryFormat::Contiguous)
              .to(o.device),
          at::randint(10, {o.size.batch}, at::kLong).to(o.device)};
}

}  // namespace darts
