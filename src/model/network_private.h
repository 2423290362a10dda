/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files of the network model. */
#pragma once

#include "model/doc.h"
#include "model/network.h"

extern const struct fl_doc fl_network_doc, fl_network_port_doc;
extern const struct fl_row fl_network_rows[], fl_forward_rows[], fl_portgroup_rows[];
extern const struct fl_row fl_dns_rows[], fl_dns_host_rows[], fl_dns_txt_rows[], fl_dns_srv_rows[];
extern const struct fl_row fl_dhcp_rows[], fl_dhcp_host_rows[], fl_dhcp_range_rows[];
