/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How monitoring agents use the interface: version guards, casts of callbacks, typed parameters, CPU maps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#if LIBVIR_VERSION_NUMBER < 9000
#error "too old"
#endif
#if !LIBVIR_CHECK_VERSION(1, 2, 8)
#error "too old"
#endif

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
    (void)conn;
    (void)opaque;
    switch ((virDomainEventType)event) {
    case VIR_DOMAIN_EVENT_DEFINED:
    case VIR_DOMAIN_EVENT_UNDEFINED:
    case VIR_DOMAIN_EVENT_STARTED:
    case VIR_DOMAIN_EVENT_SUSPENDED:
    case VIR_DOMAIN_EVENT_RESUMED:
    case VIR_DOMAIN_EVENT_STOPPED:
    case VIR_DOMAIN_EVENT_SHUTDOWN:
    case VIR_DOMAIN_EVENT_PMSUSPENDED:
    case VIR_DOMAIN_EVENT_CRASHED:
        break;
    case VIR_DOMAIN_EVENT_LAST:
        break;
    }
    return printf("%s %d\n", virDomainGetName(dom), detail);
}

static int ask(virConnectCredentialPtr cred, unsigned int ncred, void *data)
{
    unsigned int i;

    (void)data;
    for (i = 0; i < ncred; i++) {
        if (cred[i].type == VIR_CRED_AUTHNAME) {
            cred[i].result = strdup("user");
            cred[i].resultlen = 4;
        }
    }
    return 0;
}

static int kinds[] = { VIR_CRED_AUTHNAME, VIR_CRED_PASSPHRASE };

static void stats(virConnectPtr conn)
{
    virDomainStatsRecordPtr *records = NULL;
    int n = virConnectGetAllDomainStats(conn, VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_VCPU, &records,
                                        VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE);
    int i, j;

    for (i = 0; i < n; i++) {
        for (j = 0; j < records[i]->nparams; j++) {
            virTypedParameterPtr p = &records[i]->params[j];

            if (p->type == VIR_TYPED_PARAM_ULLONG)
                printf("%s.%s=%llu\n", virDomainGetName(records[i]->dom), p->field, p->value.ul);
        }
    }
    virDomainStatsRecordListFree(records);
}

int main(void)
{
    virConnectAuth auth = { kinds, sizeof(kinds) / sizeof(kinds[0]), ask, NULL };
    virConnectPtr conn = virConnectOpenAuth("test:///default", &auth, VIR_CONNECT_RO);
    virNodeInfo node;
    virDomainInfo info;
    virDomainPtr *domains = NULL;
    virSchedParameter old_style;
    unsigned char *map;
    int i, n, id;

    if (!conn) {
        virErrorPtr err = virGetLastError();

        fprintf(stderr, "%d %d %s\n", err ? (int)err->code : VIR_ERR_OK, err ? err->domain : VIR_FROM_NONE,
                virGetLastErrorMessage());
        return 1;
    }
    memset(&old_style, 0, sizeof(old_style));
    if (virNodeGetInfo(conn, &node) == 0)
        printf("%d of %s\n", VIR_NODEINFO_MAXCPUS(node), node.model);
    map = (unsigned char *)calloc(2, VIR_CPU_MAPLEN(64));
    VIR_USE_CPU(map, 3);
    if (VIR_CPU_USED(map, 3) && VIR_CPU_USABLE(map, VIR_CPU_MAPLEN(64), 0, 3))
        VIR_UNUSE_CPU(map, 3);
    id = virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                          VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), NULL, NULL);
    n = virConnectListAllDomains(conn, &domains,
                                 VIR_CONNECT_LIST_DOMAINS_ACTIVE | VIR_CONNECT_LIST_DOMAINS_PERSISTENT);
    for (i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN];

        if (virDomainGetInfo(domains[i], &info) == 0 && virDomainGetUUIDString(domains[i], uuid) == 0)
            printf("%s %d %lu %llu\n", uuid, info.state, info.maxMem, info.cpuTime);
        virDomainFree(domains[i]);
    }
    free(domains);
    stats(conn);
    virConnectDomainEventDeregisterAny(conn, id);
    free(map);
    return virConnectClose(conn) < 0;
}
