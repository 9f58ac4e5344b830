#include "crdt/weave/run_tree.h"

#include "crdt/weave/run_tree_impl.h"

namespace weft {

template class LeafTree<ProductionShape>;
template class BasicRunTree<ProductionShape>;

}  // namespace weft
