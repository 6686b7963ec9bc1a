// Whether a page of another site has caused a request, as its browser says.
#pragma once

#include "http/message/head.h"

namespace tidegate::http {

// A browser names the page's origin (Origin) with every POST and DELETE; a page served here has the Host as its origin.
// False where no origin is named: then it was no page.
bool is_from_another_site(const RequestHead& head);

}  // namespace tidegate::http
