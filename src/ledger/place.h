// Place: where the ledger's rows lie: ledger.db in the data folder, or a PostgreSQL database.
// Life: values. Thread: any.
#pragma once

#include <string>
#include <utility>

#include "base/secret.h"

namespace baton::ledger {

struct Place {
  Place(std::string data_folder) : folder(std::move(data_folder)) {}  // NOLINT(google-explicit-constructor)
  Place(std::string data_folder, Secret url) : folder(std::move(data_folder)), database(std::move(url)) {}

  std::string folder;
  Secret database;  // "postgresql://…"; empty: the file
};

}  // namespace baton::ledger
