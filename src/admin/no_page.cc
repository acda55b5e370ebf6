// In place of what web/ is built to, where it was not built (CMakeLists.txt takes one of the two).
#include "admin/page_files.h"

namespace baton::admin {

std::span<const PageFile> embedded_page() { return {}; }

}  // namespace baton::admin
