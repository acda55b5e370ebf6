// The names of http/json_view.h, which the simulator uses throughout.
#pragma once

#include "http/json_view.h"

namespace baton::sim {

using http::is_array;
using http::is_null;
using http::is_object;
using http::is_string;
using http::json_extent;
using http::json_member;
using http::json_text;
using http::json_text_size;
using http::json_type;
using http::json_word;
using http::JsonElements;
using http::JsonMembers;

}  // namespace baton::sim
