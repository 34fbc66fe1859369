// As much of gloo's interface as c10d/ProcessGroupGloo.hpp mentions. The wheels of PyTorch have gloo in
// libtorch_cpu.so and c10d's header, but not gloo's own. Nothing here is called by this project: the
// classes are handed from one function of LibTorch to another. Included by c10d_gloo.cpp alone.
#pragma once

#include <chrono>
#include <memory>

namespace gloo {

namespace transport {
class Device;
class UnboundBuffer {
 public:
  virtual ~UnboundBuffer() = 0;
};
}  // namespace transport

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

}  // namespace gloo
