#include "ledger/rows_reader.h"

#include <unistd.h>

#include "ledger/rows_database.h"

namespace baton::ledger {
namespace {

std::unexpected<Error> failure(const std::string& where, const store::Failure& why) {
  return fail(ErrorCode::kStore, Fault::kUs, where + why.error.detail);
}

}  // namespace

Expected<std::optional<RowsReader>> RowsReader::open(const Place& place) {
  RowsReader out;
  if (!place.database.reveal().empty()) {
    auto opened = store::Postgres::open_to_read({.url = place.database}, rows_database_migrations());
    if (!opened) return failure(out.where_, opened.error());
    if (*opened == nullptr) return std::nullopt;
    out.database_ = std::move(*opened);
    return out;
  }
  const std::string path = place.folder + "/" + std::string(RowsFile::kName);
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  out.where_ = path + ": ";
  auto opened = RowsFile::open(path);
  if (!opened) return failure(out.where_, opened.error());
  out.file_.emplace(std::move(*opened));
  return out;
}

Expected<RowsReader::Rows> RowsReader::query(std::string_view sql, std::initializer_list<store::Value> values) {
  if (database_) {
    auto cursor = database_->query(sql, std::span(values.begin(), values.size()));
    if (!cursor) return failure(where_, cursor.error());
    return Rows(std::move(*cursor), where_);
  }
  auto statement = file_->database().prepare(sql);
  if (!statement) return failure(where_, statement.error());
  int at = 0;
  for (const store::Value& value : values) {
    std::visit([&](const auto& one) { statement->bind(++at, one); }, value);
  }
  return Rows(std::move(*statement), where_);
}

Expected<int64_t> RowsReader::number(std::string_view sql, std::initializer_list<store::Value> values) {
  auto rows = query(sql, values);
  if (!rows) return std::unexpected(rows.error());
  auto row = rows->next();
  if (!row) return std::unexpected(row.error());
  return *row ? rows->number(0) : 0;
}

Expected<bool> RowsReader::Rows::next() {
  auto row = std::visit([](auto& rows) { return rows.step(); }, rows_);
  if (!row) return failure(where_, row.error());
  return *row;
}

std::string_view RowsReader::Rows::text(int column) const {
  return std::visit([&](const auto& rows) { return rows.text(column); }, rows_);
}

int64_t RowsReader::Rows::number(int column) const {
  return std::visit([&](const auto& rows) { return rows.number(column); }, rows_);
}

std::optional<int64_t> RowsReader::Rows::number_or_null(int column) const {
  return std::visit([&](const auto& rows) { return rows.number_or_null(column); }, rows_);
}

std::unexpected<Error> nothing_booked(const Place& place) {
  return fail(ErrorCode::kStore, Fault::kUs,
              place.database.reveal().empty()
                  ? "no call has been booked in " + place.folder + " yet; --config or --data-dir names another folder"
                  : "no call has been booked in the ledger's database yet");
}

}  // namespace baton::ledger
