// weft completion: scripts for shells, made from the command line as it is.
//
// Each script knows commands and options; for what stands after "STORE:" bash and zsh ask `weft store ls`.

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/terminal.h"

namespace weft::cli {
namespace {

struct Command {
  std::string words;  ///< "dashboard show"
  std::string help;
  std::vector<std::string> next;  ///< commands below it, and its options
  std::vector<std::string> options;
};

void collect(const CLI::App& app, const std::string& words, std::vector<Command>& all) {
  Command command{words, app.get_description(), {}, {}};
  for (const CLI::App* sub : app.get_subcommands({}))
    if (!sub->get_name().empty()) command.next.push_back(sub->get_name());
  const std::function<void(const CLI::App&)> add_options = [&](const CLI::App& holder) {
    for (const CLI::Option* option : holder.get_options())
      for (const std::string& name : option->get_lnames()) command.options.push_back("--" + name);
    for (const CLI::App* group : holder.get_subcommands({}))
      if (group->get_name().empty()) add_options(*group);
  };
  add_options(app);
  for (const CLI::App* sub : app.get_subcommands({}))
    if (!sub->get_name().empty())
      collect(*sub, words.empty() ? sub->get_name() : words + " " + sub->get_name(), all);
  all.push_back(std::move(command));
}

std::string joined(const std::vector<std::string>& words) {
  std::string result;
  for (const std::string& word : words) result += (result.empty() ? "" : " ") + word;
  return result;
}

/// case "$path" in ... esac: what may follow each command.
std::string cases(const std::vector<Command>& all) {
  std::string result;
  for (const Command& each : all)
    result += "    '" + each.words + "') commands='" + joined(each.next) + "' options='" +
              joined(each.options) + "' ;;\n";
  return result;
}

/// Of both: finds the command that the words name, sets $commands and $options.
std::string find_command(const std::vector<Command>& all) {
  return "_weft_command() {\n"
         "  case \"$1\" in\n" +
         cases(all) +
         "    *) return 1 ;;\n"
         "  esac\n"
         "}\n"
         "# The documents of the store that $1, STORE:BEGIN, names, as STORE:ID.\n"
         "_weft_documents() {\n"
         "  local store=${1%:*}\n"
         "  weft store ls \"$store\" 2>/dev/null | sed -n \"s|^\\([0-9a-f]\\{32\\}\\).*|\\1|p\"\n"
         "}\n";
}

constexpr const char* kBash = R"sh(_weft() {
  local word=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT} path='' commands='' options=''
  # bash breaks words at ':'; what was typed since the last blank is one word here.
  local typed=${line##*[[:space:]]} each
  for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if _weft_command "${path:+$path }$each"; then path=${path:+$path }$each; else break; fi
  done
  _weft_command "$path"
  COMPREPLY=()
  if [[ $typed == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$typed")
  elif [[ $typed == ?*:* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_weft_documents "$typed")" -- "${typed##*:}")
  elif [[ -n $commands ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    compopt -o filenames 2>/dev/null
  fi
}
complete -F _weft weft
)sh";

constexpr const char* kZsh = R"sh(_weft() {
  local typed=${words[CURRENT]} named='' commands='' options='' each
  for each in "${(@)words[2,CURRENT-1]}"; do
    if _weft_command "${named:+$named }$each"; then named=${named:+$named }$each; else break; fi
  done
  _weft_command "$named"
  if [[ $typed == -* ]]; then
    compadd -- ${=options}
  elif [[ $typed == ?*:* ]]; then
    compadd -p "${typed%:*}:" -- ${(f)"$(_weft_documents "$typed")"}
  elif [[ -n $commands ]]; then
    compadd -- ${=commands}
  else
    _files
  fi
}
if [[ $funcstack[1] == _weft ]]; then _weft "$@"; else compdef _weft weft; fi
)sh";

std::string quoted_for_fish(const std::string& text) {
  std::string result = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result + "'";
}

std::string fish_script(const std::vector<Command>& all) {
  std::string script = "# fish completion of weft: weft completion fish | source\n";
  // Every word of the command has been typed, and none of those that could follow.
  const auto condition = [](const Command& command) {
    std::string test;
    for (std::size_t at = 0; at < command.words.size();) {
      const std::size_t end = std::min(command.words.find(' ', at), command.words.size());
      test += (test.empty() ? "" : "; and ");
      test += "__fish_seen_subcommand_from " + command.words.substr(at, end - at);
      at = end + 1;
    }
    if (!command.next.empty())
      test += std::string(test.empty() ? "" : "; and ") + "not __fish_seen_subcommand_from " +
              joined(command.next);
    return quoted_for_fish(test);
  };
  for (const Command& command : all) {
    const std::string when = "complete -c weft -n " + condition(command);
    for (const Command& each : all) {
      const std::string prefix = command.words.empty() ? "" : command.words + " ";
      const std::string name = each.words.substr(std::min(prefix.size(), each.words.size()));
      if (!each.words.starts_with(prefix) || name.empty() || name.find(' ') != std::string::npos)
        continue;
      script += when + " -f -a " + name + " -d " + quoted_for_fish(each.help) + "\n";
    }
    for (const std::string& option : command.options)
      script += when + " -l " + option.substr(2) + "\n";
  }
  return script;
}

}  // namespace

void add_completion_command(CLI::App& app, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("completion", "Print what makes a shell complete weft's command lines");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer(
      "Examples:\n"
      "  source <(weft completion bash)       # in ~/.bashrc\n"
      "  source <(weft completion zsh)        # in ~/.zshrc, behind compinit\n"
      "  weft completion fish | source        # in config.fish");
  command->callback([&app, shell, &action] {
    action = [&app, shell]() -> Status {
      std::vector<Command> all;
      collect(app, "", all);
      if (*shell == "fish") {
        print(fish_script(all));
      } else {
        const bool is_zsh = *shell == "zsh";
        print((is_zsh ? "#compdef weft\n" : "") + find_command(all) + (is_zsh ? kZsh : kBash));
      }
      return {};
    };
  });
}

}  // namespace weft::cli
