#include "storage/lmdb/kept_states.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>
#include <utility>

#include "storage/lmdb/checked_value.h"
#include "storage/lmdb/page_check.h"

namespace weft::lmdb {
namespace {

constexpr std::size_t kCopiesMax = 16;
/// To put a state together from copies of its pieces.
constexpr std::size_t kAttemptsMax = 256;
/// What is hashed to find the keys of orphans, counted generously: some seconds.
constexpr std::uint64_t kOrphanBytesMax = std::uint64_t{32} << 30;
/// More than a state of 1 GiB has.
constexpr std::uint32_t kPiecesMax = 2048;
constexpr unsigned kPartBits = 24;

std::uint64_t count_of(const DocumentHead& head) {
  std::uint64_t count = 0;
  for (const DocumentHead::Range& range : head.held) count += range.end - range.begin;
  return count;
}

/// Of two copies of a document's entry: which is the later one?
bool is_later(const DerivedDocument& a, const DerivedDocument& b) {
  if (a.head.mark_position != b.head.mark_position)
    return a.head.mark_position > b.head.mark_position;
  return count_of(a.head) > count_of(b.head);
}

struct Loaded {
  DocumentId document;
  StoredState state;
};

/// A state that really is one. Its checksum says that the bytes are as they were written, not that they are a state:
/// chunks have keys of the same form.
std::optional<Loaded> load(Bytes payload) {
  Result<StateView> view = read_state_payload(payload);
  if (!view.ok()) return std::nullopt;
  Loaded loaded;
  loaded.state.version = std::move(view->version);
  loaded.state.snapshot.assign(view->snapshot.begin(), view->snapshot.end());
  Result<Document> document = Document::load(Bytes(loaded.state.snapshot), {});
  if (!document.ok() || document->version() != loaded.state.version) return std::nullopt;
  loaded.document = document->id();
  return loaded;
}

Bytes joined(const std::vector<ByteSpan>& pieces) {
  Bytes bytes;
  for (const ByteSpan piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
  return bytes;
}

/// The whole checked value that begins here; @return its size, 0: there is none
std::size_t checked_size_at(std::uint64_t seed, ByteSpan from) {
  if (from.size() < kCheckedHeadBytes) return 0;
  std::uint32_t payload_bytes = 0;
  std::uint32_t layout = 0;
  std::memcpy(&payload_bytes, from.data() + 8, sizeof payload_bytes);
  std::memcpy(&layout, from.data() + 12, sizeof layout);
  if (layout != kCheckedLayout) return 0;
  const std::size_t size = checked_size(payload_bytes);
  if (size > from.size() || !read_checked(seed, from.first(size)).ok()) return 0;
  return size;
}

}  // namespace

KeptStates::KeptStates(const std::string& folder) {
  if (!open_sound(folder)) scan(folder + "/data.mdb");
}

bool KeptStates::open_sound(const std::string& folder) {
  if (!check_pages(folder + "/data.mdb", PageDepth::kEverything).ok()) return false;
  Result<std::unique_ptr<Derived>> opened =
      Derived::open(folder, true, Environment::Sharing::kNobodyWrites);
  if (!opened.ok()) return false;
  const Status read =
      (*opened)->each_document([&](const DocumentId& id, const DerivedDocument& document) {
        documents_.emplace(id, document);
      });
  Result<Derived::Meta> meta = (*opened)->meta();
  if (!read.ok() || !(*opened)->verify().ok() ||
      (!meta.ok() && meta.error().code() != ErrorCode::kNotFound)) {
    documents_.clear();
    return false;
  }
  if (meta.ok()) meta_ = *meta;
  derived_ = *std::move(opened);
  return true;
}

void KeptStates::scan(const std::string& file) {
  Result<std::unique_ptr<MappedFile>> opened = MappedFile::open(file);
  if (!opened.ok()) return;
  file_ = *std::move(opened);
  each_value(file_->bytes(), sizeof(DocumentId::bytes), [&](const FoundValue& found) {
    const std::size_t size = checked_size_at(document_seed(found.key), found.value);
    if (size == 0) return size;
    DocumentId id;
    std::memcpy(id.bytes.data(), found.key.data(), found.key.size());
    Result<DerivedDocument> document = decode_derived_document(id, found.value.first(size));
    if (!document.ok()) return size;
    auto [known, is_new] = documents_.emplace(id, *document);
    if (!is_new && is_later(*document, known->second)) known->second = *document;
    return size;
  });
  each_value(file_->bytes(), sizeof(Key), [&](const FoundValue& found) {
    Key key = 0;
    std::memcpy(&key, found.key.data(), sizeof key);
    const std::size_t size = checked_size_at(key, found.value);
    if (size == 0) return size;
    std::vector<ByteSpan>& copies = parts_[key];
    if (copies.size() < kCopiesMax) copies.push_back(*read_checked(key, found.value.first(size)));
    return size;
  });
  find_orphans();
  std::set<std::uint64_t> listed;
  for (const auto& [id, document] : documents_) listed.insert(document.number);
  for (const auto& [key, copies] : parts_) {
    const std::uint64_t number = key >> kPartBits;
    if (key != part_key(number, 0) || listed.contains(number)) continue;
    for (const ByteSpan first : copies) {
      if (first.size() >= kPieceBytes) continue;
      if (std::optional<Loaded> loaded = load(Bytes(first.begin(), first.end())))
        unlisted_[loaded->document] = {std::move(loaded->state), 0};
    }
    if (std::optional<KeptState> state = assemble(number))
      if (Result<Document> document = Document::load(Bytes(state->state.snapshot), {});
          document.ok())
        unlisted_[document->id()] = std::move(*state);
  }
}

/// Pieces on pages of their own whose key is lost with the leaf that it stood in: tried with all that there may be.
void KeptStates::find_orphans() {
  std::vector<Key> keys;  // all of them: what was found under a key may be a chunk
  for (const auto& [id, document] : documents_)
    for (std::uint32_t part = 0; part < document.pieces; ++part)
      keys.push_back(part_key(document.number, part));
  std::uint64_t hashed_bytes = 0;
  each_overflow(file_->bytes(), [&](ByteSpan value) {
    for (const Key key : keys) {
      if (hashed_bytes >= kOrphanBytesMax) return;
      const std::size_t size = checked_size_at(key, value);
      hashed_bytes += kPieceBytes;  // at most
      if (size == 0) continue;
      const ByteSpan payload = *read_checked(key, value.first(size));
      std::vector<ByteSpan>& copies = parts_[key];
      const bool is_known = std::any_of(copies.begin(), copies.end(), [&](ByteSpan copy) {
        return copy.data() == payload.data();
      });
      if (!is_known && copies.size() < kCopiesMax) copies.push_back(payload);
      return;
    }
  });
}

/// Of several copies of a piece each is tried: only those that belong together load.
std::optional<KeptState> KeptStates::assemble(std::uint64_t number) const {
  std::optional<KeptState> best;
  std::size_t attempts = 0;
  std::vector<ByteSpan> chosen;
  const std::function<void(std::uint32_t)> choose = [&](std::uint32_t part) {
    const auto found = parts_.find(part_key(number, part));
    if (found == parts_.end() || part == kPiecesMax) return;
    for (const ByteSpan copy : found->second) {
      chosen.push_back(copy);
      if (copy.size() == kPieceBytes) choose(part + 1);
      if (attempts++ < kAttemptsMax) {
        std::optional<Loaded> loaded = load(joined(chosen));
        if (loaded && (!best || loaded->state.version.covers(best->state.version)))
          best = KeptState{std::move(loaded->state), 0};
      }
      chosen.pop_back();
    }
  };
  choose(0);
  return best;
}

std::optional<KeptState> KeptStates::state(const DocumentId& id) const {
  if (derived_) {
    Result<std::optional<KeptState>> kept = derived_->state(id);
    return kept.ok() ? *std::move(kept) : std::nullopt;
  }
  const auto listed = documents_.find(id);
  if (listed == documents_.end()) {
    const auto found = unlisted_.find(id);
    return found == unlisted_.end() ? std::nullopt : std::optional<KeptState>(found->second);
  }
  std::optional<KeptState> kept = assemble(listed->second.number);
  if (kept) kept->mark_position = listed->second.state_mark;
  return kept;
}

std::vector<DocumentId> KeptStates::with_state() const {
  std::vector<DocumentId> ids;
  for (const auto& [id, document] : documents_)
    if (document.pieces > 0 || !derived_) ids.push_back(id);
  for (const auto& [id, state] : unlisted_) ids.push_back(id);
  return ids;
}

}  // namespace weft::lmdb
