#include <darts/data/batch_mover.hpp>

#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace darts {

struct BatchMover::Impl {
  explicit Impl(const c10::Device& to)
      : device(to), guard(to.type()), side(guard.getStreamFromGlobalPool(to)) {}

  c10::Device device;
  c10::impl::VirtualGuardImpl guard;
  c10::Stream side;
};

BatchMover::BatchMover(const c10::Device& device)
    : impl_(device.is_cpu() ? nullptr : std::make_unique<Impl>(device)) {}

BatchMover::~BatchMover() = default;
BatchMover::BatchMover(BatchMover&&) noexcept = default;
BatchMover& BatchMover::operator=(BatchMover&&) noexcept = default;

Batch BatchMover::move(Batch batch) const {
  if (!impl_) {
    return batch;
  }
  {
    const c10::StreamGuard on_side(impl_->side);
    batch.images = batch.images.to(impl_->device, /*non_blocking=*/true);
    batch.labels = batch.labels.to(impl_->device, /*non_blocking=*/true);
  }
  c10::Event arrived(impl_->device.type());
  arrived.record(impl_->side);
  const c10::Stream current = impl_->guard.getStream(impl_->device);
  arrived.block(current);
  // Their memory belongs to the side stream and is not to be used anew before this one is done.
  batch.images.record_stream(current);
  batch.labels.record_stream(current);
  return batch;
}

}  // namespace darts
