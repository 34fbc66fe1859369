#pragma once

#include "execution.hpp"

#include <darts/data/batch_loader.hpp>

#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>

namespace darts {

/// Images of CIFAR-10's shape and labels of ten classes, drawn on the CPU: a rank's rows of them.
inline Batch random_batch(const SubjectOptions& o) {
  Batch batch;
  std::int64_t images = o.size.batch;
  if (!o.ranks->alone()) {
    batch.shares = {share_of(images, o.ranks->rank(), o.ranks->size())};
    images = batch.shares.front().rows;
  }
  batch.images = at::rand({images, 3, 32, 32})
                     .contiguous(o.channels_last ? at::MemoryFormat::ChannelsLast
                                                 : at::MemoryFormat::Contiguous)
                     .to(o.device);
  batch.labels = at::randint(10, {images}, at::kLong).to(o.device);
  return batch;
}

}  // namespace darts
