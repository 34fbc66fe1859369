#pragma once

#include <string_view>

namespace darts::fuzz {

// The rows of targets().
void parse_genotype(std::string_view bytes);
void parse_config(std::string_view bytes);
void parse_setting(std::string_view bytes);
void parse_checkpoint(std::string_view bytes);
void parse_records(std::string_view bytes);
void parse_idx(std::string_view bytes);
void parse_cifar(std::string_view bytes);
void parse_image(std::string_view bytes);
void parse_labels(std::string_view bytes);
void parse_index(std::string_view bytes);

}  // namespace darts::fuzz
