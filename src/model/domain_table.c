/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <domain>, except its devices: domain_devices_table.c. The order of rows is the order of the output. */
#include <string.h>

#include <libvirt/virterror.h>

#include "base/error.h"
#include "model/domain_private.h"
#include "model/rows.h"

enum { UNSUPPORTED = VIR_ERR_CONFIG_UNSUPPORTED };

ROWS(max_memory_rows) = { ATTR_T("slots", UINT, .flags = FL_REQ), END };
ROWS(memory_rows) = { ATTR_T("dumpCore", ONOFF), END };

ROWS(vcpu_rows) = {
    ATTR_E("placement", "static|auto", .def = "static"),
    ATTR_T("cpuset", CPUSET, .when = "!placement=auto"),
    ATTR_T("current", UINT, .flags = FL_POSITIVE),
    TEXT(UINT, .def = "1", .flags = FL_POSITIVE),
    END,
};
ROWS(vcpus_vcpu_rows) = {
    ATTR_T("id", UINT, .flags = FL_REQ),
    ATTR_T("enabled", YESNO, .flags = FL_REQ),
    ATTR_T("hotpluggable", YESNO, .def = "no"),
    ATTR_T("order", UINT, .flags = FL_NONZERO),
    END,
};
ROWS(vcpus_rows) = { LIST("vcpu", vcpus_vcpu_rows), END };

ROWS(iothread_rows) = {
    ATTR_T("id", UINT, .flags = FL_REQ | FL_POSITIVE),
    ATTR_T("thread_pool_min", UINT),
    ATTR_T("thread_pool_max", UINT),
    END,
};
ROWS(iothreadids_rows) = { LIST("iothread", iothread_rows), END };
ROWS(default_iothread_rows) = { ATTR_T("thread_pool_min", UINT), ATTR_T("thread_pool_max", UINT), END };

ROWS(fc_rows) = { ATTR("appid", .flags = FL_REQ), END };
ROWS(resource_rows) = { LEAF("partition", STR), ELEM("fibrechannel", fc_rows), END };

ROWS(cipher_rows) = {
    ATTR_E("name", "aes|dea", .flags = FL_REQ, .code = UNSUPPORTED),
    ATTR_T("state", ONOFF, .flags = FL_REQ, .code = UNSUPPORTED),
    END,
};
ROWS(keywrap_rows) = { LIST("cipher", cipher_rows), END };

ROWS(entry_rows) = { ATTR("name"), ATTR("file"), TEXT(ANY), END };
ROWS(entries_rows) = { LIST("entry", entry_rows), END };
ROWS(sysinfo_rows) = {
    ATTR_E("type", "smbios|fwcfg", .flags = FL_REQ),
    ELEM("bios", entries_rows, .when = "type=smbios"),
    ELEM("system", entries_rows, .when = "type=smbios"),
    LIST("baseBoard", entries_rows, .when = "type=smbios"),
    ELEM("chassis", entries_rows, .when = "type=smbios"),
    ELEM("oemStrings", entries_rows, .when = "type=smbios"),
    LIST("entry", entry_rows, .when = "type=fwcfg"),
    END,
};

ROWS(os_type_rows) = { ATTR("arch"), ATTR("machine"), TEXT(STR), END };
ROWS(os_feature_rows) = {
    ATTR_T("enabled", YESNO, .flags = FL_REQ),
    ATTR_E("name", "enrolled-keys|secure-boot", .flags = FL_REQ),
    END,
};
ROWS(os_firmware_rows) = { LIST("feature", os_feature_rows), END };
ROWS(initenv_rows) = { ATTR("name", .flags = FL_REQ), TEXT(STR, .flags = FL_REQ), END };
ROWS(loader_rows) = {
    ATTR_T("readonly", YESNO),
    ATTR_T("secure", YESNO),
    ATTR_E("type", "rom|pflash|none"),
    ATTR_E("format", "raw|qcow2"),
    TEXT(STR),
    END,
};
ROWS(nvram_source_rows) = {
    ATTR("protocol"), ATTR("name"), ATTR("file"), ATTR("dev"), ATTR("dir"), ANYS("host"), ANY("auth"), END,
};
ROWS(nvram_rows) = {
    ATTR("template"),
    ATTR_E("type", "file|block|dir|network|volume|nvme|vhostuser"),
    ATTR_E("format", "raw|qcow2"),
    ELEM("source", nvram_source_rows),
    TEXT(STR, .when = "!type"),
    END,
};
ROWS(boot_rows) = { ATTR_E("dev", "fd|cdrom|hd|network", .flags = FL_REQ), END };
ROWS(acpi_table_rows) = { ATTR_E("type", "slic", .flags = FL_REQ), TEXT(STR, .flags = FL_REQ), END };
ROWS(os_acpi_rows) = { ELEM("table", acpi_table_rows), END };
ROWS(bootmenu_rows) = { ATTR_T("enable", YESNO), ATTR_T("timeout", UINT, .when = "enable=yes"), END };
ROWS(bios_rows) = { ATTR_T("useserial", YESNO), ATTR_T("rebootTimeout", INT), END };
ROWS(smbios_rows) = { ATTR_E("mode", "emulate|host|sysinfo", .flags = FL_REQ), END };
const struct fl_row fl_os_rows[] = {
    ATTR_E("firmware", "bios|efi"),
    ELEM("type", os_type_rows),
    ELEM("firmware", os_firmware_rows),
    LEAF("init", STR),
    LEAVES("initarg", STR),
    LIST("initenv", initenv_rows),
    LEAF("initdir", STR),
    LEAF("inituser", STR),
    LEAF("initgroup", STR),
    ELEM("loader", loader_rows),
    ELEM("nvram", nvram_rows),
    LEAF("kernel", STR),
    LEAF("initrd", STR),
    LEAF("cmdline", STR),
    LEAF("dtb", STR),
    ELEM("acpi", os_acpi_rows),
    LIST("boot", boot_rows),
    ELEM("bootmenu", bootmenu_rows),
    ELEM("bios", bios_rows),
    ELEM("smbios", smbios_rows),
    END,
};

ROWS(map_rows) = {
    ATTR_T("start", UINT, .flags = FL_REQ),
    ATTR_T("target", UINT, .flags = FL_REQ),
    ATTR_T("count", UINT, .flags = FL_REQ),
    END,
};
ROWS(idmap_rows) = { LIST("uid", map_rows), LIST("gid", map_rows), END };

ROWS(state_rows) = { ATTR_T("state", ONOFF, .flags = FL_REQ), END };
/* A bare element means on. */
ROWS(state_on_rows) = { ATTR_T("state", ONOFF, .def = "on"), END };
ROWS(apic_rows) = { ATTR_T("eoi", ONOFF), END };
ROWS(spinlocks_rows) = {
    ATTR_T("state", ONOFF, .flags = FL_REQ),
    ATTR_T("retries", UINT, .when = "state=on"),
    END,
};
ROWS(stimer_rows) = { ATTR_T("state", ONOFF, .flags = FL_REQ), ELEM("direct", state_rows), END };
ROWS(vendor_id_rows) = {
    ATTR_T("state", ONOFF, .flags = FL_REQ),
    ATTR("value", .when = "state=on"),
    END,
};
static int hyperv_known(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    static const char known[] =
        "relaxed|vapic|spinlocks|vpindex|runtime|synic|stimer|reset|vendor_id|frequencies|"
        "reenlightenment|tlbflush|ipi|evmcs|avic";

    for (const struct fl_xml_node *kid = fl_xml_child(in, NULL); kid; kid = fl_xml_next(kid, NULL)) {
        if (!fl_word_in(kid->name, known))
            return fl_doc_error(ctx, kid, UNSUPPORTED, "<hyperv>: expected one of %s, found <%s>", known,
                                kid->name);
    }
    return 0;
}

ROWS(hyperv_rows) = {
    POST(hyperv_known),
    ATTR_E("mode", "custom|passthrough", .def = "custom"),
    ELEM("relaxed", state_rows),
    ELEM("vapic", state_rows),
    ELEM("spinlocks", spinlocks_rows),
    ELEM("vpindex", state_rows),
    ELEM("runtime", state_rows),
    ELEM("synic", state_rows),
    ELEM("stimer", stimer_rows),
    ELEM("reset", state_rows),
    ELEM("vendor_id", vendor_id_rows),
    ELEM("frequencies", state_rows),
    ELEM("reenlightenment", state_rows),
    ELEM("tlbflush", state_rows),
    ELEM("ipi", state_rows),
    ELEM("evmcs", state_rows),
    ELEM("avic", state_rows),
    END,
};
ROWS(dirty_ring_rows) = {
    ATTR_T("state", ONOFF, .flags = FL_REQ),
    ATTR_T("size", UINT, .when = "state=on"),
    END,
};
ROWS(kvm_rows) = {
    ELEM("hidden", state_rows), ELEM("hint-dedicated", state_rows),  ELEM("poll-control", state_rows),
    ELEM("pv-ipi", state_rows), ELEM("dirty-ring", dirty_ring_rows), END,
};
ROWS(xen_passthrough_rows) = {
    ATTR_T("state", ONOFF, .flags = FL_REQ),
    ATTR_E("mode", "sync_pt|share_pt", .when = "state=on"),
    END,
};
ROWS(xen_rows) = { ELEM("e820_host", state_rows), ELEM("passthrough", xen_passthrough_rows), END };
ROWS(gic_rows) = { ATTR_E("version", "host|2|3"), END };
ROWS(tseg_rows) = { ATTR("unit"), TEXT(ULL), END };
ROWS(smm_rows) = { ATTR_T("state", ONOFF, .def = "on"), ELEM("tseg", tseg_rows), END };
ROWS(ioapic_rows) = { ATTR_E("driver", "kvm|qemu", .flags = FL_REQ), END };
ROWS(hpt_rows) = { ATTR_E("resizing", "enabled|disabled|required"), LEAF("maxpagesize", KIB), END };
ROWS(msrs_rows) = { ATTR_E("unknown", "ignore|fault", .flags = FL_REQ), END };
ROWS(cfpc_rows) = { ATTR_E("value", "broken|workaround|fixed", .flags = FL_REQ), END };
ROWS(ibs_rows) = {
    ATTR_E("value", "broken|workaround|fixed-ibs|fixed-ccd|fixed-na", .flags = FL_REQ),
    END,
};
ROWS(tcg_rows) = { LEAF("tb-cache", KIB), END };

static int features_known(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    static const char known[] =
        "acpi|apic|pae|hap|viridian|privnet|hyperv|kvm|xen|pvspinlock|capabilities|pmu|"
        "vmport|gic|smm|ioapic|hpt|vmcoreinfo|htm|nested-hv|msrs|ccf-assist|cfpc|sbbc|"
        "ibs|tcg";

    for (const struct fl_xml_node *kid = fl_xml_child(in, NULL); kid; kid = fl_xml_next(kid, NULL)) {
        if (!fl_word_in(kid->name, known))
            return fl_doc_error(ctx, kid, UNSUPPORTED, "<features>: expected one of %s, found <%s>", known,
                                kid->name);
    }
    return 0;
}

ROWS(features_rows) = {
    POST(features_known),
    FLAG("acpi"),
    ELEM("apic", apic_rows, .flags = FL_KEEP),
    FLAG("pae"),
    ELEM("hap", state_on_rows),
    FLAG("viridian"),
    FLAG("privnet"),
    ELEM("hyperv", hyperv_rows, .flags = FL_OPEN_KEPT),
    ELEM("kvm", kvm_rows),
    ELEM("pvspinlock", state_on_rows),
    ANY("capabilities"),
    ELEM("pmu", state_on_rows),
    ELEM("vmport", state_on_rows),
    ELEM("gic", gic_rows, .flags = FL_KEEP),
    ELEM("smm", smm_rows),
    ELEM("ioapic", ioapic_rows),
    ELEM("hpt", hpt_rows),
    ELEM("vmcoreinfo", state_on_rows),
    ELEM("htm", state_rows),
    ELEM("nested-hv", state_rows),
    ELEM("msrs", msrs_rows),
    ELEM("ccf-assist", state_rows),
    ELEM("xen", xen_rows),
    ELEM("cfpc", cfpc_rows),
    ELEM("sbbc", cfpc_rows),
    ELEM("ibs", ibs_rows),
    ELEM("tcg", tcg_rows),
    END,
};

const struct fl_row fl_cpu_model_rows[] = {
    ATTR_E("fallback", "allow|forbid"),
    ATTR("vendor_id"),
    TEXT(STR),
    END,
};
ROWS(cpu_topology_rows) = {
    ATTR_T("sockets", UINT, .flags = FL_REQ | FL_POSITIVE),
    ATTR_T("dies", UINT, .def = "1", .flags = FL_POSITIVE),
    ATTR_T("cores", UINT, .flags = FL_REQ | FL_POSITIVE),
    ATTR_T("threads", UINT, .flags = FL_REQ | FL_POSITIVE),
    END,
};
ROWS(cpu_cache_rows) = {
    ATTR_T("level", UINT),
    ATTR_E("mode", "emulate|passthrough|disable", .flags = FL_REQ),
    END,
};
ROWS(maxphysaddr_rows) = {
    ATTR_E("mode", "emulate|passthrough", .flags = FL_REQ),
    ATTR_T("bits", UINT),
    END,
};
ROWS(cpu_feature_rows) = {
    ATTR_E("policy", "force|require|optional|disable|forbid", .def = "require", .code = UNSUPPORTED,
           .domain = VIR_FROM_CPU),
    ATTR("name", .flags = FL_REQ),
    END,
};
ROWS(sibling_rows) = { ATTR_T("id", UINT, .flags = FL_REQ), ATTR_T("value", UINT, .flags = FL_REQ), END };
ROWS(distances_rows) = { LIST("sibling", sibling_rows), END };

/* memory='128' unit='MiB' are attributes here. */
static int cell_memory(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    const char *size = fl_xml_get(in, "memory");
    unsigned long long bytes;

    if (!size || fl_size_parse(size, fl_xml_get(in, "unit"), 1024, G_MAXUINT64, &bytes) < 0)
        return fl_error_set(VIR_FROM_XML, VIR_ERR_XML_ERROR,
                            "%s:%d: <cell>: expected memory='SIZE', found '%s'", ctx->name, in->line,
                            size ? size : "");
    fl_xml_setf(out, "memory", "%llu", bytes / 1024 + (bytes % 1024 ? 1 : 0));
    fl_xml_set(out, "unit", "KiB");
    return 0;
}

ROWS(cell_rows) = {
    ATTR_T("id", UINT),
    ATTR_T("cpus", CPUSET),
    POST(cell_memory),
    ATTR_E("memAccess", "shared|private"),
    ATTR_T("discard", YESNO),
    ELEM("distances", distances_rows),
    ANYS("cache"),
    END,
};
ROWS(cpu_numa_rows) = { LIST("cell", cell_rows), ANY("interconnects"), END };
const struct fl_row fl_cpu_rows[] = {
    ATTR_E("mode", "custom|host-model|host-passthrough|maximum", .code = UNSUPPORTED, .domain = VIR_FROM_CPU),
    ATTR_E("match", "minimum|exact|strict"),
    ATTR_E("check", "none|partial|full"),
    ATTR_T("migratable", ONOFF, .when = "mode=host-passthrough|maximum"),
    ELEM("model", fl_cpu_model_rows),
    LEAF("vendor", STR),
    ELEM("topology", cpu_topology_rows),
    ELEM("cache", cpu_cache_rows),
    ELEM("maxphysaddr", maxphysaddr_rows),
    LIST("feature", cpu_feature_rows),
    ELEM("numa", cpu_numa_rows),
    END,
};

ROWS(catchup_rows) = {
    ATTR_T("threshold", UINT, .flags = FL_NONZERO),
    ATTR_T("slew", UINT, .flags = FL_NONZERO),
    ATTR_T("limit", UINT, .flags = FL_NONZERO),
    END,
};
ROWS(timer_rows) = {
    ATTR_E("name", "platform|pit|rtc|hpet|tsc|kvmclock|hypervclock|armvtimer", .flags = FL_REQ),
    ATTR_T("present", YESNO),
    ATTR_E("tickpolicy", "delay|catchup|merge|discard"),
    ATTR_E("track", "boot|guest|wall|realtime", .when = "name=rtc|platform"),
    ATTR_T("frequency", ULL, .when = "name=tsc", .flags = FL_NONZERO),
    ATTR_E("mode", "auto|native|emulate|paravirt|smpsafe", .when = "name=tsc"),
    ELEM("catchup", catchup_rows),
    END,
};
ROWS(clock_rows) = {
    ATTR_E("offset", "utc|localtime|variable|timezone|absolute", .def = "utc", .code = UNSUPPORTED),
    ATTR("adjustment", .when = "offset=utc|localtime|variable"),
    ATTR_E("basis", "utc|localtime", .when = "offset=variable", .def = "utc", .code = UNSUPPORTED),
    ATTR("timezone", .when = "offset=timezone", .flags = FL_REQ),
    ATTR_T("start", ULL, .when = "offset=absolute", .flags = FL_REQ),
    LIST("timer", timer_rows),
    END,
};

#define LIFECYCLE "destroy|restart|rename-restart|preserve"
ROWS(enabled_rows) = { ATTR_T("enabled", YESNO), END };
ROWS(pm_rows) = { ELEM("suspend-to-mem", enabled_rows), ELEM("suspend-to-disk", enabled_rows), END };
ROWS(event_rows) = {
    ATTR_E("name",
           "cmt|mbmt|mbml|cpu_cycles|instructions|cache_references|cache_misses|branch_instructions|branch_"
           "misses|"
           "bus_cycles|stalled_cycles_frontend|stalled_cycles_backend|ref_cpu_cycles|cpu_clock|task_clock|"
           "page_faults|context_switches|cpu_migrations|page_faults_min|page_faults_maj|alignment_faults|"
           "emulation_faults",
           .flags = FL_REQ, .code = UNSUPPORTED),
    ATTR_T("enabled", YESNO, .flags = FL_REQ),
    END,
};
ROWS(perf_rows) = { LIST("event", event_rows), END };

const struct fl_row fl_seclabel_rows[] = {
    ATTR_E("type", "none|dynamic|static"),
    ATTR("model"),
    ATTR_T("relabel", YESNO),
    LEAF("label", STR),
    LEAF("imagelabel", STR, .flags = FL_LIVE),
    LEAF("baselabel", STR),
    END,
};

ROWS(metadata_rows) = { FOREIGN(), END };

/* One element per namespace, the first; a prefix declared further out is declared here. */
int fl_metadata_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    struct fl_xml_node *next;

    for (struct fl_xml_node *kid = out->first; kid; kid = next) {
        const struct fl_xml_node *same = out->first;
        const char *colon = strchr(kid->name, ':');
        g_autofree char *attr =
            colon ? g_strdup_printf("xmlns:%.*s", (int)(colon - kid->name), kid->name) : g_strdup("xmlns");

        next = kid->next;
        if (!fl_xml_get(kid, attr))
            fl_xml_set(out, attr, kid->ns);
        while (g_strcmp0(same->ns, kid->ns) != 0)
            same = same->next;
        if (same != kid)
            fl_xml_free(kid);
    }
    out->flags |= FL_XML_FOREIGN;
    return 0;
}

#define VIRT_TYPES                                                                                           \
    "none|qemu|kqemu|kvm|xen|lxc|uml|openvz|test|vmware|hyperv|vbox|phyp|parallels|bhyve|vz|hvf"

const struct fl_row fl_domain_rows[] = {
    ATTR_E("type", VIRT_TYPES, .flags = FL_REQ, .code = UNSUPPORTED, .missing = VIR_ERR_INTERNAL_ERROR),
    ATTR_T("id", INT),
    LEAF("name", STR),
    LEAF("uuid", STR),
    LEAF("genid", UUID, .code = VIR_ERR_INTERNAL_ERROR),
    LEAF("title", STR),
    LEAF("description", STR),
    ELEM("metadata", metadata_rows, .flags = FL_KEEP, .post = fl_metadata_post),
    { .kind = FL_ROW_ELEM,
      .name = "maxMemory",
      .type = FL_T_KIB,
      .sub = max_memory_rows,
      .flags = FL_LATE_UNIT },
    { .kind = FL_ROW_ELEM, .name = "memory", .type = FL_T_KIB, .sub = memory_rows, .flags = FL_LATE_UNIT },
    LEAF("currentMemory", KIB),
    ELEM("blkiotune", fl_blkiotune_rows),
    ELEM("memtune", fl_memtune_rows),
    ELEM("memoryBacking", fl_memory_backing_rows),
    ELEM("vcpu", vcpu_rows),
    ELEM("vcpus", vcpus_rows),
    LEAF("iothreads", UINT, .flags = FL_NONZERO),
    ELEM("iothreadids", iothreadids_rows),
    ELEM("defaultiothread", default_iothread_rows),
    ELEM("cputune", fl_cputune_rows),
    ELEM("numatune", fl_numatune_rows),
    ELEM("resource", resource_rows),
    LIST("sysinfo", sysinfo_rows),
    LEAF("bootloader", ANY, .flags = FL_KEEP),
    LEAF("bootloader_args", STR),
    ELEM("os", fl_os_rows),
    ELEM("idmap", idmap_rows),
    ELEM("features", features_rows),
    ELEM("cpu", fl_cpu_rows),
    ELEM("clock", clock_rows),
    LEAF_E("on_poweroff", LIFECYCLE, .code = UNSUPPORTED, .def = "destroy"),
    LEAF_E("on_reboot", LIFECYCLE, .code = UNSUPPORTED, .def = "restart"),
    LEAF_E("on_crash", LIFECYCLE "|coredump-destroy|coredump-restart", .code = UNSUPPORTED, .def = "destroy"),
    LEAF_E("on_lockfailure", "poweroff|restart|pause|ignore", .code = UNSUPPORTED),
    ELEM("pm", pm_rows),
    ELEM("perf", perf_rows),
    ELEM("devices", fl_device_rows, .flags = FL_OPEN),
    LIST("seclabel", fl_seclabel_rows),
    ELEM("keywrap", keywrap_rows),
    ANY("launchSecurity"),
    END,
};

const struct fl_doc fl_domain_doc = {
    .root = "domain", .domain = VIR_FROM_DOMAIN, .value_domain = VIR_FROM_XML, .rows = fl_domain_rows
};
