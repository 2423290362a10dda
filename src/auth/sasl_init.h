/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Part of the module `sasl`: makes Cyrus SASL ready; the result is the library's, SASL_OK or what is wrong.
 */
#pragma once

int fl_sasl_init_client(void);
int fl_sasl_init_server(void);
