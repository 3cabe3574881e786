#!/bin/sh
# Starts a server of a cluster, in this very process.
# PROGRAMS DATA PEER first|second SERVER WORDS…: the folder of the program that transfers data, both data directories.
PATH=$1:$PATH
data=$2
WHIMBREL_PEER=$3
export PATH WHIMBREL_PEER
place=$4
shift 4
# One that was in a cluster before joins the other, whichever it is.
if [ "$place" = first ] && [ ! -e "$data/grastate.dat" ]; then
  exec "$@" --wsrep-new-cluster
fi
exec "$@"
