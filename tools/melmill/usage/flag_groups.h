#ifndef MELMILL_TOOLS_MELMILL_USAGE_FLAG_GROUPS_H_
#define MELMILL_TOOLS_MELMILL_USAGE_FLAG_GROUPS_H_

namespace CLI {
class App;
}

namespace melmill {

// Gives the flags of all commands their groups in the help, and says what kind
// of value each takes. Call it after all commands were added.
void GroupFlags(CLI::App* app);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_FLAG_GROUPS_H_
