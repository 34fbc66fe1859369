#include <darts/search/method.hpp>

#include <ATen/Functions.h>

#include <iostream>

int main() {
  const darts::Alphas alphas{at::zeros({14, 8}), at::zeros({14, 8})};
  std::cout << darts::to_notation(darts::derive(alphas, darts::SearchSpace{})) << '\n';
}
