#pragma once
// WordSource: an endless text for generated sessions: words of syllables, drawn from a vocabulary
// that the seed makes by a Markov chain over a Zipf-like law, in sentences and paragraphs. About as
// compressible as prose.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/trace/prng.h"

namespace weft::trace {

class WordSource {
 public:
  explicit WordSource(std::uint64_t seed) : prng_(seed) {
    constexpr std::size_t kVocabulary = 1000;
    words_.reserve(kVocabulary);
    for (std::size_t i = 0; i < kVocabulary; ++i) words_.push_back(make_word(i));
  }

  /// The next character; ASCII, with '\n' between lines and paragraphs.
  char next() {
    if (at_ == sentence_.size()) {
      make_sentence();
      at_ = 0;
    }
    return sentence_[at_++];
  }

 private:
  /// Frequent words (small `rank`) are short.
  std::string make_word(std::size_t rank) {
    static constexpr const char* kOnsets[] = {"b", "c",  "d",  "f",  "g",  "h",  "l", "m",
                                              "n", "p",  "r",  "s",  "t",  "v",  "w", "st",
                                              "",  "th", "pr", "tr", "ch", "gr", "k", "sh"};
    static constexpr const char* kVowels[] = {"a", "e", "i", "o", "u", "e", "a", "ea", "io", "ou"};
    static constexpr const char* kCodas[] = {"", "n", "r", "s", "t", "l", "", "nd", "m", "ng"};
    const std::uint32_t longest = rank < 40 ? 1 : rank < 400 ? 2 : 3;
    const std::uint32_t syllables = 1 + prng_.below(longest);
    std::string word;
    for (std::uint32_t s = 0; s < syllables; ++s) {
      word += kOnsets[prng_.below(std::size(kOnsets))];
      word += kVowels[prng_.below(std::size(kVowels))];
      word += kCodas[prng_.below(std::size(kCodas))];
    }
    return word;
  }

  /// Often the word that usually follows the last one, else by log-uniform ranks: rank r is drawn
  /// with a chance of about 1 / r.
  const std::string& draw_word() {
    rank_ = prng_.percent(40) ? rank_ * 7 + 3 : prng_.log_uniform(9) - 1;
    rank_ %= static_cast<std::uint32_t>(words_.size());
    return words_[rank_];
  }

  void make_sentence() {
    sentence_.clear();
    const std::uint32_t count = 4 + prng_.below(14);
    for (std::uint32_t w = 0; w < count; ++w) {
      if (w != 0) sentence_ += prng_.percent(8) ? ", " : " ";
      sentence_ += draw_word();
    }
    if (sentence_[0] >= 'a') sentence_[0] = static_cast<char>(sentence_[0] - 'a' + 'A');
    sentence_ += prng_.percent(20) ? ".\n\n" : prng_.percent(30) ? ".\n" : ". ";
  }

  Prng prng_;
  std::vector<std::string> words_;
  std::uint32_t rank_ = 0;
  std::string sentence_;
  std::size_t at_ = 0;
};

}  // namespace weft::trace
