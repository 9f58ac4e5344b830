#pragma once
// All of BasicRunTree, for those who instantiate it: run_tree.cc, and tests with tiny nodes.

#include "crdt/weave/leaf_tree_impl.h"
#include "crdt/weave/run_tree.h"
#include "crdt/weave/run_tree_edit.h"
#include "crdt/weave/run_tree_read.h"
#include "crdt/weave/run_tree_shape.h"
