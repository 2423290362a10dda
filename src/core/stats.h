/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The answer of virConnectGetAllDomainStats() and its like: a driver adds records, all of which lie in three
 * blocks however many they are. virDomainStatsRecordListFree() gives them back.
 */
#pragma once

#include <libvirt/libvirt.h>

struct fl_stats { /* init to zero */
    virDomainStatsRecordPtr records;
    virTypedParameterPtr params; /* of all */
    size_t n, room, nparams, params_room;
};

/* A record: takes the reference to `dom` over. Room for its parameters, to be filled, valid until the next
 * one is added. */
virTypedParameterPtr fl_stats_add(struct fl_stats *stats, virDomainPtr dom, size_t nparams);
/* The list and how many; leaves `stats` empty. */
int fl_stats_take(struct fl_stats *stats, virDomainStatsRecordPtr **ret_list);
