#pragma once
// Director: makes the world that a plan asks for, and does what its steps say.
//
// A rollback that is not rude is one that a device with knowledge of what was lost can notice: until the device that
// was rolled back writes as another replica it talks to that one alone, so that no fork can arise.
//
// Threads: one.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/ledger.h"
#include "tests/sim/plan.h"
#include "tests/sim/simulation.h"
#include "tests/sim/world/world.h"

namespace weft::sim {

World::Options world_options(const Plan& plan);
DocumentId document_of(const Plan& plan, std::uint32_t number);

class Director {
 public:
  /// @param world  of world_options(plan); all of them must outlive the director
  Director(const Plan& plan, World& world, Ledger& ledger, Report& report);
  Director(const Director&) = delete;
  Director& operator=(const Director&) = delete;

  /// Runs the phase of faults.
  void run();
  /// Ends every fault: all is up, linked, fast and open.
  void heal();

  /// May a replica have been forked though everyone did what they could?
  bool forks_are_possible() const { return forks_are_possible_; }

  std::function<void(const std::string&)> trace;

 private:
  using Path = std::pair<EndpointIndex, EndpointIndex>;

  void set_up_peers();
  void set_up_model(SimPeer& peer);
  void set_up_edges();
  void set_up_paths();

  void take(const Step& step);
  void edit(const Step& step, test::Random& random);
  void burst(const Step& step);
  void edit_large(const Step& step, test::Random& random);
  void say_presence(const Step& step);
  void trim(const Step& step);
  void seal(const Step& step);
  void cut_power(const Step& step);
  void shut_down(const Step& step);
  void reset(const Step& step);
  void part(const Step& step);
  void block_one_way(const Step& step);
  void fill_disk(const Step& step);
  void back_up(const Step& step);
  void roll_back(const Step& step);
  void make_clone(const Step& step);
  void set_clock(const Step& step);
  void look(const Step& step);

  /// One that is up; size(): none is.
  std::size_t some_peer(std::uint32_t pick) const;
  DocumentId some_document(std::uint32_t pick) const;
  void say(const Step& step, std::size_t peer, const std::string& what = "");
  void block(const Path& path, std::uint64_t duration_ms);
  void start_after_ms(std::size_t peer, std::uint64_t pause_ms);
  void write_as_much(std::size_t peer, const std::vector<Seq>& lost);
  /// Who would notice that the device's disk was put back; size(): nobody for sure.
  std::size_t find_witness(std::size_t peer, const MemoryStore& image) const;
  void talk_only_to(std::size_t peer, std::size_t witness);
  void talk_to_all_once_renamed(std::size_t peer, ReplicaId before);
  void keep_where_needed();
  bool can_trim(const DocumentId& document, const VersionVector& version);

  const Plan& plan_;
  World& world_;
  Ledger& ledger_;
  Report& report_;
  test::Random random_;
  bool is_healed_ = false;
  bool forks_are_possible_ = false;
  std::uint32_t waiting_for_witness_ = 0;
  std::map<Path, std::uint32_t> blocks_;
  std::map<DocumentId, VersionVector> trimmed_;
  std::map<std::size_t, std::vector<std::unique_ptr<MemoryStore>>> backups_;
};

}  // namespace weft::sim
