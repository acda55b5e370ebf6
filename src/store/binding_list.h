// BindingList: which batches (or files) the relay knows the accounts of, those used last first.
// Reads <folder>/bindings.db while a relay writes it. Life: during one question. Thread: any but a loop's.
// Bounds: what is asked for.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "store/recent_bindings.h"

namespace baton::store {

// No file is an empty list. kStore: not readable.
Expected<std::vector<Binding>> list_bindings(const std::string& folder, ObjectKind kind, size_t bindings_max);

}  // namespace baton::store
