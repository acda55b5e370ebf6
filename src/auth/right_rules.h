// RightRules: what the words of a key's rights may look like, for whoever takes them from a person.
// Thread: any; pure. Bounds: 64 characters a name, 256 a model's id.
#pragma once

#include <string_view>

namespace baton::auth {

// 1 to 64 letters, digits, dots, hyphens or underscores: of a key, a team.
bool is_key_name(std::string_view text);
// A model's id; a * may stand at its end.
bool is_model_pattern(std::string_view text);
// The name of an account or of a group of them; a * may stand at its end.
bool is_account_pattern(std::string_view text);
// One of endpoint_names().
bool is_endpoint(std::string_view text);
// An address or a block: "10.0.0.0/8".
bool is_address_block(std::string_view text);

}  // namespace baton::auth
